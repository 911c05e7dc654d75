-- Why an organization, or a user anywhere, may start nothing now: 'banned', 'closed', or NULL when they may.
CREATE FUNCTION usage_refusal(p_organization uuid, p_user uuid) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT CASE
        WHEN EXISTS (
            SELECT FROM usage_ban b
             WHERE (b.organization_id = p_organization OR b.user_id = p_user)
               AND b.lifted_at IS NULL AND (b.ends_at IS NULL OR b.ends_at > statement_timestamp())
        ) THEN 'banned'
        WHEN EXISTS (
            SELECT FROM accounts_organization o WHERE o.id = p_organization AND o.closed_at IS NOT NULL
        ) THEN 'closed'
    END
$$;
