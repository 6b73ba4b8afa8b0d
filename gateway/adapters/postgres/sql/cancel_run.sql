-- End a run that waits, or keep that somebody wants a run canceled that a worker holds; nothing comes back where it has
-- ended, or is waited for by its caller. Its execution is held first, as by all that change both.
WITH held AS (
    SELECT executions.execution_id FROM executions JOIN runs USING (execution_id)
    WHERE runs.run_id = $1 AND ($3::text IS NULL OR owner = $3)
    FOR UPDATE OF executions
), waiting AS (
    SELECT run_id, request -> 'staged' AS staged FROM runs WHERE run_id = $1 AND state = 'queued'
)
UPDATE runs
SET cancel_requested_at = coalesce(cancel_requested_at, now()),
    state = CASE WHEN state = 'queued' THEN 'canceled' ELSE state END,
    completed_at = CASE WHEN state = 'queued' THEN now() ELSE completed_at END,
    error = CASE WHEN state = 'queued' THEN $2::json ELSE error END,
    request = CASE WHEN state = 'queued' THEN NULL ELSE request END
FROM held LEFT JOIN waiting ON true
WHERE runs.run_id = $1 AND runs.execution_id = held.execution_id AND request IS NOT NULL
    AND state IN ('queued', 'running')
RETURNING runs.*, ARRAY(SELECT json_array_elements_text(coalesce(waiting.staged, '[]'))) AS blobs
