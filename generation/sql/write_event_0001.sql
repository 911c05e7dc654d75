-- Adds the JobEvent that a change of a job must have beside it, and returns its JSON: the very bytes that every
-- carrier sends. The caller has just updated the row (seq + 1) in this transaction and hands it over.
CREATE FUNCTION generation_write_event(p_job generation_job, p_type text, p_result_url text DEFAULT NULL)
RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  v_id uuid := uuidv7();
  v_at timestamptz := clock_timestamp();
  v_body text;
BEGIN
  v_body := json_build_object(
    'id', v_id,
    'type', p_type,
    'jobId', p_job.id,
    'seq', p_job.seq,
    'status', p_job.status,
    'stage', nullif(p_job.stage, ''),
    'progress', p_job.progress,
    'resultUrl', p_result_url,
    'error', CASE WHEN p_job.error_code <> '' THEN json_build_object(
      'code', p_job.error_code, 'detail', p_job.error_detail, 'retryable', p_job.error_retryable) END,
    'at', to_char(v_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
  )::text;
  INSERT INTO generation_jobevent (id, job_id, seq, type, body, at)
  VALUES (v_id, p_job.id, p_job.seq, p_type, v_body, v_at);
  RETURN v_body;
END $$;
