-- The ledger is only ever added to, and nothing around it is deleted, whoever asks: only a migration takes this away.
CREATE FUNCTION usage_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% of % is refused: money is corrected by another entry', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END $$;

CREATE TRIGGER usage_ledgerentry_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON usage_ledgerentry
    FOR EACH STATEMENT EXECUTE FUNCTION usage_refuse_change();
CREATE TRIGGER usage_hold_kept BEFORE DELETE OR TRUNCATE ON usage_hold
    FOR EACH STATEMENT EXECUTE FUNCTION usage_refuse_change();
CREATE TRIGGER usage_grant_kept BEFORE DELETE OR TRUNCATE ON usage_grant
    FOR EACH STATEMENT EXECUTE FUNCTION usage_refuse_change();
CREATE TRIGGER usage_wallet_kept BEFORE DELETE OR TRUNCATE ON usage_wallet
    FOR EACH STATEMENT EXECUTE FUNCTION usage_refuse_change();
