-- Pay as much of a wallet's debt as its available credits cover; returns the credits paid. Called after whatever
-- brings credits in, whose reference names the payment: "repay:<reference>". The caller holds the wallet's lock.
CREATE FUNCTION usage_repay(p_wallet uuid, p_reference text) RETURNS bigint LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    v_paid bigint;
BEGIN
    IF NOT EXISTS (SELECT FROM usage_wallet w WHERE w.organization_id = p_wallet AND w.debt > 0) THEN
        RETURN 0;
    END IF;
    -- Credits past their end pay nothing; afterwards all that is available is in living grants.
    PERFORM usage_expire(p_wallet);
    SELECT least(w.available, w.debt) INTO v_paid FROM usage_wallet w WHERE w.organization_id = p_wallet;
    IF v_paid > 0 THEN
        PERFORM usage_enter(
            p_wallet, 'repay', 'repay:' || p_reference, -v_paid, 0, -v_paid, usage_draw(p_wallet, v_paid));
    END IF;
    RETURN v_paid;
END $$;
