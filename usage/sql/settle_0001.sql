-- Close a hold, once: capture up to the credits held and give the rest back to the grants they were drawn from.
-- Returns the credits captured, or NULL when there is no open hold of that reference (any more).
--
-- Soonest-expiring lots are captured first, also those that expired meanwhile: held credits stay usable by their
-- work. What would go back to a grant past its end expires at once. What comes back pays debt first. Runs inside
-- the caller's transaction; locks the wallet, then the hold.
CREATE FUNCTION usage_settle(
    p_reference text, p_capture bigint, p_actor uuid DEFAULT NULL, p_reason text DEFAULT ''
) RETURNS bigint LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    v_wallet uuid;
    v_hold record;
    v_split record;
BEGIN
    IF p_capture IS NULL OR p_capture < 0 THEN
        RAISE EXCEPTION 'a hold cannot be settled for % credits', p_capture USING ERRCODE = 'invalid_parameter_value';
    END IF;
    SELECT h.wallet_id INTO v_wallet FROM usage_hold h WHERE h.reference = p_reference AND h.state = 'open';
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    PERFORM FROM usage_wallet w WHERE w.organization_id = v_wallet FOR NO KEY UPDATE;
    -- Of all who try to close it, the one whose UPDATE still finds it open does.
    UPDATE usage_hold h
       SET state = CASE WHEN p_capture > 0 THEN 'captured' ELSE 'released' END,
           captured = least(p_capture, h.credits), closed_at = statement_timestamp()
     WHERE h.reference = p_reference AND h.state = 'open'
    RETURNING h.credits, h.captured, h.lots INTO v_hold;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;

    IF v_hold.captured = v_hold.credits THEN
        PERFORM usage_enter(
            v_wallet, 'capture', 'capture:' || p_reference, 0, -v_hold.credits, 0, v_hold.lots, p_actor, p_reason);
        RETURN v_hold.captured;
    END IF;

    WITH lot AS (
        SELECT g.id, l.value::bigint AS credits,
               g.expired_at IS NOT NULL OR coalesce(g.expires_at <= statement_timestamp(), false) AS is_over,
               sum(l.value::bigint) OVER (ORDER BY g.expires_at, g.priority, g.id) - l.value::bigint AS taken_before
          FROM jsonb_each_text(v_hold.lots) l
          JOIN usage_grant g ON g.id = l.key::uuid
    ), part AS (
        SELECT lot.id, lot.is_over, lot.credits - taken.credits AS rest, taken.credits AS captured
          FROM lot,
               LATERAL (SELECT greatest(least(lot.credits, v_hold.captured - lot.taken_before), 0)::bigint) taken(credits)
    ), given_back AS (
        UPDATE usage_grant g
           SET remaining = g.remaining + part.rest
          FROM part
         WHERE g.id = part.id AND part.rest > 0 AND NOT part.is_over
    )
    SELECT coalesce(sum(part.rest) FILTER (WHERE NOT part.is_over), 0)::bigint AS released,
           coalesce(sum(part.rest) FILTER (WHERE part.is_over), 0)::bigint AS expired,
           jsonb_object_agg(part.id, part.captured) FILTER (WHERE part.captured > 0) AS captured_lots,
           jsonb_object_agg(part.id, part.rest) FILTER (WHERE part.rest > 0 AND NOT part.is_over) AS released_lots,
           jsonb_object_agg(part.id, part.rest) FILTER (WHERE part.rest > 0 AND part.is_over) AS expired_lots
      INTO v_split
      FROM part;

    IF v_hold.captured > 0 THEN
        PERFORM usage_enter(
            v_wallet, 'capture', 'capture:' || p_reference,
            0, -v_hold.captured, 0, v_split.captured_lots, p_actor, p_reason);
    END IF;
    IF v_split.expired > 0 THEN
        PERFORM usage_enter(
            v_wallet, 'expire', 'expire:' || p_reference,
            0, -v_split.expired, 0, v_split.expired_lots, p_actor, p_reason);
    END IF;
    IF v_split.released > 0 THEN
        PERFORM usage_enter(
            v_wallet, 'release', 'release:' || p_reference,
            v_split.released, -v_split.released, 0, v_split.released_lots, p_actor, p_reason);
        PERFORM usage_repay(v_wallet, p_reference);
    END IF;
    RETURN v_hold.captured;
END $$;
