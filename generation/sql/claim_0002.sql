-- Claims queued jobs of one provider for one worker process, fairly and under every cap; one call in autocommit.
--
-- The organization with the fewest running places here per weight goes first; inside it users take turns, then
-- priority, then age. Caps count places: of the provider, of the model, of the organization (all processes together).
-- A provider whose circuit is open (it failed so often in a row) gets one job at a time once `resumes_at` has passed:
-- the probe. Its success closes the circuit, its failure moves `resumes_at` on (generation/dispatch.py).
-- Returns {"claims": [{job, attempt, token, event, organization}], "again_seconds": number or null}: null when nothing
-- more can be taken until a job comes or ends; 0 when more may be waiting; else when the provider's pace allows more.
CREATE FUNCTION generation_claim(
  p_provider text, p_worker text, p_slots integer, p_lease_seconds double precision, p_open_after integer)
RETURNS jsonb LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  v_state generation_providerstate;
  v_tokens double precision;
  v_room integer;
  v_slots integer;
  v_claims jsonb;
  v_taken integer;
  v_now timestamptz;
  v_elapsed double precision;
BEGIN
  -- A statement of its own, so that every later one sees what earlier claims committed.
  PERFORM pg_advisory_xact_lock(hashtext('generation_claim'));
  -- now() stands still from before the wait for the lock.
  v_now := clock_timestamp();
  SELECT * INTO v_state FROM generation_providerstate WHERE provider = p_provider;
  IF NOT FOUND OR v_state.is_paused THEN
    RETURN '{"claims": [], "again_seconds": null}';
  END IF;
  IF v_state.resumes_at > v_now THEN
    RETURN jsonb_build_object('claims', '[]'::jsonb, 'again_seconds', extract(epoch FROM v_state.resumes_at - v_now));
  END IF;
  IF v_state.failures >= p_open_after THEN
    IF EXISTS (SELECT FROM generation_job WHERE provider = p_provider AND status = 'running' AND stage <> 'storing') THEN
      RETURN '{"claims": [], "again_seconds": null}';
    END IF;
    p_slots := least(p_slots, 1);
  END IF;

  -- Pace: a bucket of one second's worth. After a 429 halved it, it climbs back over ten minutes.
  v_elapsed := greatest(extract(epoch FROM v_now - v_state.paced_at), 0);
  v_state.pace := least(v_state.pace_per_minute, v_state.pace + v_state.pace_per_minute * v_elapsed / 600);
  v_tokens := least(greatest(v_state.pace / 60, 1), v_state.tokens + v_elapsed * v_state.pace / 60);

  SELECT v_state.places - coalesce(sum(places), 0) INTO v_room
  FROM generation_job WHERE provider = p_provider AND status = 'running' AND stage <> 'storing';
  v_slots := least(p_slots, floor(v_tokens)::integer);
  IF v_room <= 0 OR p_slots <= 0 THEN
    RETURN '{"claims": [], "again_seconds": null}';
  END IF;

  IF v_slots > 0 THEN
    WITH RECURSIVE
    running AS MATERIALIZED (
      SELECT provider, model, organization_id, user_id, sum(places)::integer AS places
      FROM generation_job WHERE status = 'running' AND stage <> 'storing'
      GROUP BY 1, 2, 3, 4),
    model_room AS MATERIALIZED (
      SELECT m.model, m.places AS cap,
             m.places - coalesce((SELECT sum(r.places) FROM running r WHERE r.model = m.model), 0) AS room
      FROM generation_modelstate m WHERE m.provider_id = p_provider AND m.is_enabled),
    organization_used AS MATERIALIZED (
      SELECT organization_id, sum(places) AS everywhere,
             coalesce(sum(places) FILTER (WHERE provider = p_provider), 0) AS here
      FROM running GROUP BY 1),
    user_used AS (
      SELECT organization_id, user_id, sum(places) AS places FROM running WHERE provider = p_provider GROUP BY 1, 2),
    -- A loose index scan: one probe of job_claimable for each organization that waits here.
    waiting AS (
      (SELECT organization_id FROM generation_job
       WHERE status = 'queued' AND is_ready AND provider = p_provider ORDER BY organization_id LIMIT 1)
      UNION ALL
      SELECT (SELECT j.organization_id FROM generation_job j
              WHERE j.status = 'queued' AND j.is_ready AND j.provider = p_provider
                AND j.organization_id > w.organization_id
              ORDER BY j.organization_id LIMIT 1)
      FROM waiting w WHERE w.organization_id IS NOT NULL),
    needy AS MATERIALIZED (
      SELECT * FROM (
        SELECT w.organization_id, e.weight, e.places AS cap, coalesce(u.here, 0) AS here,
               e.places - coalesce(u.everywhere, 0) AS room
        FROM waiting w
        JOIN usage_entitlement e USING (organization_id)
        LEFT JOIN organization_used u USING (organization_id)
        WHERE NOT EXISTS (
          SELECT FROM usage_ban b WHERE b.organization_id = w.organization_id
            AND b.lifted_at IS NULL AND (b.ends_at IS NULL OR b.ends_at > now()))
        ORDER BY (coalesce(u.here, 0) + 1)::double precision / e.weight, w.organization_id
        OFFSET 0) ordered
      -- Only who has a job that can start now takes one of the few turns.
      WHERE room > 0 AND EXISTS (
        SELECT FROM model_room m, generation_job j
        WHERE m.room > 0 AND j.status = 'queued' AND j.is_ready AND j.provider = p_provider
          AND j.organization_id = ordered.organization_id AND j.model = m.model
          AND least(j.places, m.cap, ordered.cap, v_state.places) <= least(m.room, ordered.room, v_room)
          AND (j.start_deadline_at IS NULL OR j.start_deadline_at > now())
          AND NOT EXISTS (
            SELECT FROM usage_ban b WHERE b.user_id = j.user_id
              AND b.lifted_at IS NULL AND (b.ends_at IS NULL OR b.ends_at > now())))
      LIMIT v_slots),
    -- Each user of those organizations who waits for a model with room: again one probe each.
    lane AS (
      SELECT h.organization_id, h.model, h.user_id FROM needy n, model_room m, LATERAL (
        SELECT organization_id, model, user_id FROM generation_job
        WHERE status = 'queued' AND is_ready AND provider = p_provider
          AND organization_id = n.organization_id AND model = m.model
        ORDER BY user_id LIMIT 1) h
      WHERE m.room > 0
      UNION ALL
      SELECT h.* FROM lane l, LATERAL (
        SELECT organization_id, model, user_id FROM generation_job
        WHERE status = 'queued' AND is_ready AND provider = p_provider
          AND organization_id = l.organization_id AND model = l.model AND user_id > l.user_id
        ORDER BY user_id LIMIT 1) h),
    candidate AS (
      SELECT l.*, n.weight, n.here, n.room AS organization_room, coalesce(uu.places, 0) AS user_places,
             j.id, j.priority, j.places
      FROM lane l
      JOIN needy n USING (organization_id)
      JOIN model_room m USING (model)
      LEFT JOIN user_used uu USING (organization_id, user_id),
      -- A job that asks for more places than a cap will ever leave takes what the cap has.
      LATERAL (
        SELECT id, priority, least(places, m.cap, n.cap, v_state.places) AS places FROM generation_job
        WHERE status = 'queued' AND is_ready AND provider = p_provider AND organization_id = l.organization_id
          AND model = l.model AND user_id = l.user_id
          AND (start_deadline_at IS NULL OR start_deadline_at > now())
          AND least(places, m.cap, n.cap, v_state.places) <= least(m.room, n.room, v_room)
        ORDER BY priority DESC, id LIMIT least(v_slots, n.room)) j
      WHERE NOT EXISTS (
        SELECT FROM usage_ban b WHERE b.user_id = l.user_id
          AND b.lifted_at IS NULL AND (b.ends_at IS NULL OR b.ends_at > now()))),
    -- Running sums of places keep the choice inside the room of user turn, organization, model and provider.
    by_user AS (
      SELECT *, user_places + sum(places) OVER (PARTITION BY organization_id, user_id ORDER BY priority DESC, id)
        AS user_turn FROM candidate),
    by_organization AS (
      SELECT *, sum(places) OVER turns AS organization_sum,
             (here + sum(places) OVER turns)::double precision / weight AS turn
      FROM by_user WINDOW turns AS (PARTITION BY organization_id ORDER BY user_turn, priority DESC, id)),
    by_model AS (
      SELECT *, sum(places) OVER (PARTITION BY model ORDER BY turn, priority DESC, id) AS model_sum
      FROM by_organization WHERE organization_sum <= organization_room),
    by_provider AS (
      SELECT b.id, sum(b.places) OVER turns AS provider_sum, row_number() OVER turns AS place
      FROM by_model b JOIN model_room m USING (model) WHERE b.model_sum <= m.room
      WINDOW turns AS (ORDER BY b.turn, b.priority DESC, b.id)),
    pick AS (
      SELECT j.id FROM generation_job j JOIN by_provider p USING (id)
      WHERE p.place <= v_slots AND p.provider_sum <= v_room AND j.status = 'queued' AND j.is_ready
      FOR NO KEY UPDATE OF j SKIP LOCKED),
    started AS (
      UPDATE generation_job j
      SET status = 'running', stage = 'submitting', seq = j.seq + 1, attempts_made = j.attempts_made + 1,
          started_at = coalesce(j.started_at, clock_timestamp()), next_attempt_at = NULL
      FROM pick WHERE j.id = pick.id
      RETURNING j.*),
    attempt AS (
      INSERT INTO generation_attempt (
        job_id, number, provider, model, step, worker, token, lease_until, crashes, task_id, outcome, error_code,
        error_detail, billed)
      SELECT s.id, (SELECT count(*) + 1 FROM generation_attempt a WHERE a.job_id = s.id), s.provider, s.model,
             'claimed', p_worker, 1, now() + make_interval(secs => p_lease_seconds), 0, '', '', '', '', ''
      FROM started s
      RETURNING id, job_id)
    SELECT jsonb_agg(jsonb_build_object(
             'job', s.id, 'attempt', a.id, 'token', 1, 'organization', s.organization_id,
             'event', generation_write_event(ROW(s.*)::generation_job, 'job.started')))
    INTO v_claims
    FROM started s JOIN attempt a ON a.job_id = s.id;
  END IF;

  v_taken := coalesce(jsonb_array_length(v_claims), 0);
  UPDATE generation_providerstate
  SET pace = v_state.pace, tokens = v_tokens - v_taken, paced_at = v_now, resumes_at = NULL
  WHERE provider = p_provider;
  RETURN jsonb_build_object(
    'claims', coalesce(v_claims, '[]'::jsonb),
    'again_seconds', CASE
      WHEN v_slots < p_slots AND v_taken = v_slots THEN (1 - (v_tokens - v_taken)) * 60 / greatest(v_state.pace, 0.001)
      WHEN v_taken = p_slots THEN 0
    END);
END $$;
