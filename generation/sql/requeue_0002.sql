-- Ends an attempt that surely did not and will not bill, and puts its job back in the queue, not to be claimed before
-- the back-off is over. A refusal for pace (p_counts false) uses up none of the job's tries. A job that was asked to
-- stop meanwhile is canceled instead. A call that was made is recorded; it cost nothing. Returns the event's JSON, or
-- NULL when the token is stale.
CREATE OR REPLACE FUNCTION generation_requeue(
  p_job uuid, p_attempt uuid, p_token integer, p_counts boolean, p_backoff_seconds double precision,
  p_error_code text, p_error_detail text)
RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  v_job generation_job;
  v_attempt generation_attempt;
BEGIN
  SELECT * INTO v_job FROM generation_job WHERE id = p_job AND status = 'running' FOR NO KEY UPDATE;
  IF NOT FOUND THEN RETURN NULL; END IF;
  IF v_job.cancel_requested_at IS NOT NULL THEN
    RETURN generation_settle(p_job, p_attempt, p_token, 'canceled', 0, 'no', '', '', false, '[]', '{}');
  END IF;
  UPDATE generation_attempt
  SET step = 'ended', ended_at = clock_timestamp(), lease_until = NULL, billed = 'no', outcome = 'failed',
      error_code = p_error_code, error_detail = p_error_detail
  WHERE id = p_attempt AND token = p_token AND step <> 'ended'
  RETURNING * INTO v_attempt;
  IF NOT FOUND THEN RETURN NULL; END IF;
  IF v_attempt.intent_at IS NOT NULL THEN
    PERFORM usage_record(
      v_job.organization_id, v_job.user_id, v_job.api_key_id, p_job, p_attempt, v_attempt.provider, v_attempt.model,
      v_job.operation, v_job.unit, 0, 0, 0, v_job.price_version,
      (extract(epoch FROM clock_timestamp() - v_attempt.intent_at) * 1000)::integer, p_error_code, v_job.trace_id);
  END IF;
  UPDATE generation_job
  SET status = 'queued', stage = '', seq = seq + 1, is_ready = false,
      next_attempt_at = clock_timestamp() + make_interval(secs => p_backoff_seconds),
      attempts_made = attempts_made - (NOT p_counts)::integer
  WHERE id = p_job
  RETURNING * INTO v_job;
  RETURN generation_write_event(v_job, 'job.queued');
END $$;
