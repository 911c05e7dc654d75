-- Ends a live job whose row the caller has locked: captures what was delivered, releases the rest, marks the outputs
-- ready, writes the final event. Called by settle (an attempt ended it) and by jobs.py (no attempt ever began).
CREATE FUNCTION generation_end_job(
  p_job uuid, p_status text, p_capture bigint, p_error_code text, p_error_detail text, p_error_retryable boolean,
  p_texts jsonb, p_data jsonb)
RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  v_job generation_job;
  v_result uuid;
BEGIN
  IF p_status = 'succeeded' THEN
    PERFORM storage_ready_outputs(p_job);
    SELECT id INTO v_result FROM storage_asset WHERE job_id = p_job AND status = 'ready' ORDER BY job_index LIMIT 1;
  END IF;
  UPDATE generation_job
  SET status = p_status, stage = '', seq = seq + 1, finished_at = clock_timestamp(), next_attempt_at = NULL,
      progress = CASE WHEN p_status = 'succeeded' THEN 100 ELSE progress END,
      charged_credits = coalesce(usage_settle('job:' || p_job, p_capture), 0),
      error_code = p_error_code, error_detail = p_error_detail, error_retryable = p_error_retryable,
      output_text = p_texts, output_data = p_data
  WHERE id = p_job AND status IN ('queued', 'running')
  RETURNING * INTO v_job;
  IF NOT FOUND THEN
    RETURN NULL;
  END IF;
  RETURN generation_write_event(v_job, 'job.' || p_status, '/v1/assets/' || v_result || '/content');
END $$;
