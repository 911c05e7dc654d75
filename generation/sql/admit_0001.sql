-- Admits one job in one round trip: idempotency row, ban, queue bound, hold, job, first event; all or nothing.
-- `refusal` is NULL when admitted; otherwise nothing was written. `replayed` means that the key already named a job.
-- Locks the wallet before it counts the queue, so that the bound holds under parallel admissions.
CREATE FUNCTION generation_admit(
  p_organization uuid, p_user uuid, p_api_key uuid,
  p_operation text, p_model text, p_provider text, p_input jsonb, p_metadata jsonb,
  p_unit text, p_quantity integer, p_unit_credits bigint, p_unit_cost bigint, p_price_version integer,
  p_places integer, p_priority integer, p_start_deadline_seconds double precision, p_deadline_seconds double precision,
  p_retry_of uuid, p_trace_id text, p_request_id text,
  p_route text, p_key text, p_body_sha256 bytea,
  OUT job_id uuid, OUT created_at timestamptz, OUT event text, OUT refusal text, OUT replayed boolean)
LANGUAGE plpgsql AS $$
DECLARE
  v_credits bigint := p_quantity * p_unit_credits;
  v_key_row uuid;
  v_bound integer;
  v_job generation_job;
BEGIN
  job_id := uuidv7();
  created_at := now();
  replayed := false;

  refusal := usage_refusal(p_organization, p_user);
  IF refusal IS NOT NULL THEN RETURN; END IF;

  IF p_key IS NOT NULL THEN
    -- Waits for a rival with the same key until it commits or rolls back.
    INSERT INTO core_idempotencyrecord (organization_id, route, key, body_sha256, status_code, resource_id)
    VALUES (p_organization, p_route, p_key, p_body_sha256, 202, job_id)
    ON CONFLICT ON CONSTRAINT idempotency_key_once DO NOTHING
    RETURNING id INTO v_key_row;
    IF v_key_row IS NULL THEN
      replayed := true;
      RETURN;
    END IF;
  END IF;

  SELECT e.queued_jobs INTO v_bound
  FROM usage_wallet w JOIN usage_entitlement e USING (organization_id)
  WHERE w.organization_id = p_organization
  FOR NO KEY UPDATE OF w;
  IF EXISTS (
    SELECT FROM generation_job j WHERE j.organization_id = p_organization AND j.status = 'queued'
    OFFSET greatest(v_bound - 1, 0) LIMIT 1
  ) THEN
    refusal := 'queue_full';
  ELSE
    refusal := usage_hold(p_organization, 'job:' || job_id, v_credits);
  END IF;
  IF refusal IS NOT NULL THEN
    -- A refusal does not burn the key.
    DELETE FROM core_idempotencyrecord WHERE id = v_key_row;
    RETURN;
  END IF;

  INSERT INTO generation_job (
    id, organization_id, user_id, api_key_id, operation, model, provider, input, metadata,
    status, stage, progress, seq, unit, quantity, unit_credits, unit_cost_micro_usd, price_version, held_credits,
    places, priority, is_ready, attempts_made, output_text, output_data, error_code, error_detail, error_retryable,
    retry_of_id, start_deadline_at, deadline_at, trace_id, request_id, created_at)
  VALUES (
    job_id, p_organization, p_user, p_api_key, p_operation, p_model, p_provider, p_input, p_metadata,
    'queued', '', 0, 1, p_unit, p_quantity, p_unit_credits, p_unit_cost, p_price_version, v_credits,
    p_places, p_priority, true, 0, '[]', '{}', '', '', false,
    p_retry_of, now() + make_interval(secs => p_start_deadline_seconds), now() + make_interval(secs => p_deadline_seconds),
    p_trace_id, p_request_id, created_at)
  RETURNING * INTO v_job;
  event := generation_write_event(v_job, 'job.queued');
END $$;
