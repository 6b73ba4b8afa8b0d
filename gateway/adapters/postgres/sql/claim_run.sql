-- Take a run that waits, or whose holder's lease has ended. Its execution is held first, as by all that change both.
WITH held AS (
    SELECT executions.execution_id FROM executions JOIN runs USING (execution_id)
    WHERE runs.run_id = $1
    FOR UPDATE OF executions
)
UPDATE runs
SET state = 'running', attempt = attempt + 1, lease_until = now() + make_interval(secs => $2),
    started_at = now()
FROM held
WHERE runs.run_id = $1 AND runs.execution_id = held.execution_id AND request IS NOT NULL
    AND ((state = 'queued' AND due_at <= now()) OR (state = 'running' AND lease_until < now()))
RETURNING runs.*
