-- Take credits out of a wallet's grants: soonest expiry first, then priority, then age. Grants past their end are
-- left alone, swept or not. Returns what was taken where, {grant id: credits}, or NULL, with nothing changed, when
-- the living grants do not hold that much. The caller holds the wallet's lock and enters the movement.
CREATE FUNCTION usage_draw(p_wallet uuid, p_credits bigint) RETURNS jsonb LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    v_lots jsonb;
BEGIN
    -- Nearly always the first grant covers it all.
    UPDATE usage_grant g
       SET remaining = g.remaining - p_credits
     WHERE g.remaining >= p_credits
       AND g.id = (
               SELECT d.id
                 FROM usage_grant d
                WHERE d.wallet_id = p_wallet AND NOT d.is_spent
                  AND (d.expires_at IS NULL OR d.expires_at > statement_timestamp())
                ORDER BY d.expires_at, d.priority, d.id
                LIMIT 1)
    RETURNING jsonb_build_object(g.id, p_credits) INTO v_lots;
    IF FOUND THEN
        RETURN v_lots;
    END IF;

    WITH turn AS (
        SELECT d.id, d.remaining,
               sum(d.remaining) OVER (ORDER BY d.expires_at, d.priority, d.id) - d.remaining AS taken_before,
               sum(d.remaining) OVER () AS living
          FROM usage_grant d
         WHERE d.wallet_id = p_wallet AND NOT d.is_spent
           AND (d.expires_at IS NULL OR d.expires_at > statement_timestamp())
    ), part AS (
        SELECT turn.id, least(turn.remaining, p_credits - turn.taken_before)::bigint AS credits
          FROM turn
         WHERE turn.living >= p_credits AND turn.taken_before < p_credits
    ), taken AS (
        UPDATE usage_grant g
           SET remaining = g.remaining - part.credits
          FROM part
         WHERE g.id = part.id
        RETURNING g.id, part.credits
    )
    SELECT jsonb_object_agg(taken.id, taken.credits) INTO v_lots FROM taken;
    RETURN v_lots;
END $$;
