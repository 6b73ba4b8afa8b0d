-- Let others take a run, if this attempt still holds it. Its execution is held first, as by all that change both.
WITH held AS (
    SELECT executions.execution_id FROM executions JOIN runs USING (execution_id)
    WHERE runs.run_id = $1
    FOR UPDATE OF executions
)
UPDATE runs SET state = 'queued', lease_until = NULL, due_at = now() + make_interval(secs => $3)
FROM held
WHERE runs.run_id = $1 AND runs.execution_id = held.execution_id AND attempt = $2 AND state = 'running'
