-- The outputs that were stored for a job become readable, in the transaction that settles it.
-- Returns how many became so; a second call finds none.
CREATE FUNCTION storage_ready_outputs(p_job uuid) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    readied integer;
BEGIN
    UPDATE storage_asset SET status = 'ready' WHERE job_id = p_job AND status = 'pending' AND deleted_at IS NULL;
    GET DIAGNOSTICS readied = ROW_COUNT;
    RETURN readied;
END
$$;
