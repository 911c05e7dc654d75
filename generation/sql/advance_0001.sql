-- Writes down a step of a running attempt, and what its job shows of it, under the attempt's token; one round trip.
-- NULL arguments leave a column as it is. Returns the event's JSON, or NULL when the lease is lost or the job has
-- ended: the caller stops. Lock order: Job, Attempt.
CREATE FUNCTION generation_advance(
  p_job uuid, p_attempt uuid, p_token integer, p_step text, p_stage text, p_progress integer, p_task_id text)
RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  v_job generation_job;
BEGIN
  UPDATE generation_job j
  SET stage = coalesce(p_stage, j.stage), progress = greatest(j.progress, coalesce(p_progress, 0)), seq = j.seq + 1
  WHERE j.id = p_job AND j.status = 'running' AND EXISTS (
    SELECT FROM generation_attempt a WHERE a.id = p_attempt AND a.token = p_token AND a.step <> 'ended')
  RETURNING * INTO v_job;
  IF NOT FOUND THEN RETURN NULL; END IF;

  IF p_step IS NOT NULL THEN
    UPDATE generation_attempt
    SET step = p_step,
        task_id = coalesce(p_task_id, task_id),
        submitted_at = CASE WHEN p_step IN ('waiting', 'storing') THEN coalesce(submitted_at, clock_timestamp()) END,
        delivered_at = CASE WHEN p_step = 'storing' THEN clock_timestamp() ELSE delivered_at END
    WHERE id = p_attempt AND token = p_token AND step <> 'ended';
    -- The check above ran before this lock: a rival may have taken the attempt over in between.
    IF NOT FOUND THEN
      RAISE EXCEPTION 'lease lost' USING ERRCODE = 'serialization_failure';
    END IF;
  END IF;
  RETURN generation_write_event(v_job, 'job.progress');
END $$;
