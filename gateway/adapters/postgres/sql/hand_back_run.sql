-- Let others take a run, if this attempt still holds it; the attempt is kept. Its execution is held first, as by all
-- that change both.
WITH held AS (
    SELECT executions.execution_id FROM executions JOIN runs USING (execution_id)
    WHERE runs.run_id = $1
    FOR UPDATE OF executions
)
UPDATE runs
SET state = 'queued', lease_until = NULL, started_at = NULL, due_at = now() + make_interval(secs => $3),
    past_attempts = array_append(
        past_attempts,
        json_build_object(
            'number', attempt, 'worker', worker, 'startedAt', started_at, 'endedAt', now(), 'error', $4::json
        )
    )
FROM held
WHERE runs.run_id = $1 AND runs.execution_id = held.execution_id AND attempt = $2 AND state = 'running'
RETURNING runs.run_id, pipeline_id, priority
