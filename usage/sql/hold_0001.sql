-- Set credits of an organization aside for one piece of work. Returns NULL when they are held, else why not:
-- 'no_wallet', 'in_debt' or 'insufficient_credits', with no hold made.
--
-- Runs inside the transaction that admits the work and never commits. The first UPDATE both decides and takes the
-- wallet's lock, so that parallel calls queue up on the row and each sees what the one before it left. A reference
-- that was held before is a unique violation.
CREATE FUNCTION usage_hold(p_organization uuid, p_reference text, p_credits bigint) RETURNS text
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    v_available bigint;
    v_held bigint;
    v_lots jsonb;
BEGIN
    UPDATE usage_wallet w
       SET available = w.available - p_credits, held = w.held + p_credits
     WHERE w.organization_id = p_organization AND w.available >= p_credits AND w.debt = 0
    RETURNING w.available, w.held INTO v_available, v_held;
    IF NOT FOUND THEN
        RETURN coalesce(
            (SELECT CASE WHEN w.debt > 0 THEN 'in_debt' ELSE 'insufficient_credits' END
               FROM usage_wallet w WHERE w.organization_id = p_organization),
            'no_wallet');
    END IF;

    v_lots := usage_draw(p_organization, p_credits);
    IF v_lots IS NULL THEN
        -- Part of what looked available lies in grants past their end that no sweep has taken yet.
        UPDATE usage_wallet w
           SET available = w.available + p_credits, held = w.held - p_credits
         WHERE w.organization_id = p_organization;
        PERFORM usage_expire(p_organization);
        RETURN 'insufficient_credits';
    END IF;

    INSERT INTO usage_hold (wallet_id, reference, credits, captured, lots, state)
    VALUES (p_organization, p_reference, p_credits, 0, v_lots, 'open');
    INSERT INTO usage_ledgerentry (
        wallet_id, kind, reference, available, held, debt, outside,
        available_after, held_after, debt_after, lots, reason
    ) VALUES (
        p_organization, 'hold', 'hold:' || p_reference, -p_credits, p_credits, 0, 0,
        v_available, v_held, 0, v_lots, ''
    );
    RETURN NULL;
END $$;
