-- Move a wallet and write the entry that says so, in one statement: neither happens without the other.
--
-- p_available, p_held and p_debt are signed changes of the wallet's figures; what they do not balance came from, or
-- went, outside. p_lots names the grants whose credits moved: {grant id: credits}. Fails on a reference that was
-- entered before, and on a figure that would fall below zero. The caller holds the wallet's lock.
CREATE FUNCTION usage_enter(
    p_wallet uuid, p_kind text, p_reference text, p_available bigint, p_held bigint, p_debt bigint, p_lots jsonb,
    p_actor uuid DEFAULT NULL, p_reason text DEFAULT ''
) RETURNS bigint LANGUAGE sql VOLATILE AS $$
    WITH wallet AS (
        UPDATE usage_wallet w
           SET available = w.available + p_available, held = w.held + p_held, debt = w.debt + p_debt
         WHERE w.organization_id = p_wallet
        RETURNING w.available, w.held, w.debt
    )
    INSERT INTO usage_ledgerentry (
        wallet_id, kind, reference, available, held, debt, outside,
        available_after, held_after, debt_after, lots, actor_id, reason
    )
    SELECT p_wallet, p_kind, p_reference, p_available, p_held, p_debt, p_debt - p_available - p_held,
           wallet.available, wallet.held, wallet.debt, p_lots, p_actor, p_reason
      FROM wallet
    RETURNING id
$$;
