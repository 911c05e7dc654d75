-- Writes the usage record of one provider call, once per attempt. Called when the attempt is settled.
CREATE FUNCTION usage_record(
  p_organization uuid, p_user uuid, p_api_key uuid, p_job uuid, p_attempt uuid,
  p_provider text, p_model text, p_operation text, p_unit text, p_quantity bigint, p_credits bigint,
  p_cost_micro_usd bigint, p_price_version integer, p_latency_ms integer, p_outcome text, p_trace_id text)
RETURNS void LANGUAGE sql AS $$
  INSERT INTO usage_usagerecord (
    at, organization_id, user_id, api_key_id, job_id, attempt_id, provider, model, operation, unit, quantity, credits,
    cost_micro_usd, price_version, latency_ms, outcome, trace_id)
  VALUES (
    clock_timestamp(), p_organization, p_user, p_api_key, p_job, p_attempt, p_provider, p_model, p_operation, p_unit,
    p_quantity, p_credits, p_cost_micro_usd, p_price_version, greatest(p_latency_ms, 0), p_outcome, p_trace_id)
  ON CONFLICT (attempt_id) DO NOTHING
$$;
