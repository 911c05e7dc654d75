-- Settles an attempt and with it the job, once: attempt ended, credits captured for what was delivered and the rest
-- released, usage recorded, outputs ready, final event. Returns the event's JSON, or NULL when the token is stale or
-- the attempt ended before: nothing was changed. Lock order: Job, Attempt, Wallet, Hold.
-- p_made counts the units that the provider made and bills, the unusable ones among them; NULL where it told nothing.
CREATE FUNCTION generation_settle(
  p_job uuid, p_attempt uuid, p_token integer, p_status text, p_delivered integer, p_billed text,
  p_error_code text, p_error_detail text, p_error_retryable boolean, p_texts jsonb, p_data jsonb,
  p_made integer DEFAULT NULL)
RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  v_job generation_job;
  v_attempt generation_attempt;
  v_event text;
  v_cost_quantity integer;
BEGIN
  SELECT * INTO v_job FROM generation_job WHERE id = p_job AND status = 'running' FOR NO KEY UPDATE;
  IF NOT FOUND THEN RETURN NULL; END IF;
  UPDATE generation_attempt
  SET step = 'ended', ended_at = clock_timestamp(), lease_until = NULL, billed = p_billed,
      outcome = CASE WHEN p_status IN ('succeeded', 'canceled') THEN p_status ELSE 'failed' END,
      error_code = p_error_code, error_detail = p_error_detail
  WHERE id = p_attempt AND token = p_token AND step <> 'ended'
  RETURNING * INTO v_attempt;
  IF NOT FOUND THEN RETURN NULL; END IF;

  v_event := generation_end_job(
    p_job, p_status, least(p_delivered * v_job.unit_credits, v_job.held_credits), p_error_code, p_error_detail,
    p_error_retryable, p_texts, p_data);
  -- What we owe the provider: what it made; the whole order where it bills or may have billed a failure.
  v_cost_quantity := CASE
    WHEN p_billed = 'no' THEN 0
    WHEN p_made IS NOT NULL THEN p_made
    WHEN p_delivered > 0 THEN p_delivered
    ELSE v_job.quantity END;
  PERFORM usage_record(
    v_job.organization_id, v_job.user_id, v_job.api_key_id, p_job, p_attempt, v_attempt.provider, v_attempt.model,
    v_job.operation, v_job.unit, p_delivered, j.charged_credits, v_cost_quantity * v_job.unit_cost_micro_usd,
    v_job.price_version,
    (extract(epoch FROM clock_timestamp() - coalesce(v_attempt.intent_at, v_attempt.created_at)) * 1000)::integer,
    CASE WHEN p_error_code = '' THEN p_status ELSE p_error_code END, v_job.trace_id)
  FROM generation_job j WHERE j.id = p_job;
  RETURN v_event;
END $$;
