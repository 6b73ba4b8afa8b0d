-- Take a run that waits, or whose holder's lease has ended, and show it on its execution unless a newer run is shown
-- there; the attempt of a holder that is gone is kept. The execution is held first, as by all that change both.
WITH held AS (
    SELECT executions.execution_id FROM executions JOIN runs USING (execution_id)
    WHERE runs.run_id = $1
    FOR UPDATE OF executions
), claimed AS (
    UPDATE runs
    SET state = 'running', attempt = attempt + 1, worker = $2, lease_until = now() + make_interval(secs => $3),
        started_at = now(),
        past_attempts = CASE
            WHEN state = 'running' THEN array_append(
                past_attempts,
                json_build_object(
                    'number', attempt, 'worker', worker, 'startedAt', started_at, 'endedAt', now(), 'error', $4::json
                )
            )
            ELSE past_attempts
        END
    FROM held
    WHERE runs.run_id = $1 AND runs.execution_id = held.execution_id AND request IS NOT NULL
        AND ((state = 'queued' AND due_at <= now()) OR (state = 'running' AND lease_until < now()))
    RETURNING runs.*
), shown AS (
    UPDATE executions
    SET newest_run = claimed.run_id, state = claimed.state, started_at = claimed.started_at, completed_at = NULL,
        error = NULL
    FROM claimed
    WHERE executions.execution_id = claimed.execution_id
        AND (executions.newest_run IS NULL OR executions.newest_run <= claimed.run_id)
)
SELECT * FROM claimed
