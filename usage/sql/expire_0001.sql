-- Take what is left in a wallet's grants that are past their end; returns how many credits went. One entry a grant,
-- "expire:grant:<id>". Locks the wallet. Safe to repeat: a second run finds nothing.
CREATE FUNCTION usage_expire(p_wallet uuid) RETURNS bigint LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    v_grant record;
    v_expired bigint := 0;
BEGIN
    PERFORM FROM usage_wallet w WHERE w.organization_id = p_wallet FOR NO KEY UPDATE;
    FOR v_grant IN
        SELECT g.id, g.remaining
          FROM usage_grant g
         WHERE g.wallet_id = p_wallet AND NOT g.is_spent AND g.expires_at <= statement_timestamp()
         ORDER BY g.expires_at, g.priority, g.id
    LOOP
        UPDATE usage_grant g SET remaining = 0, expired_at = statement_timestamp() WHERE g.id = v_grant.id;
        PERFORM usage_enter(
            p_wallet, 'expire', 'expire:grant:' || v_grant.id,
            -v_grant.remaining, 0, 0, jsonb_build_object(v_grant.id, v_grant.remaining));
        v_expired := v_expired + v_grant.remaining;
    END LOOP;
    RETURN v_expired;
END $$;
