-- Runs in the background that are due and that nobody holds.
SELECT run_id FROM runs
WHERE request IS NOT NULL AND state IN ('queued', 'running')
    AND ((state = 'queued' AND due_at <= now()) OR (state = 'running' AND lease_until < now()))
ORDER BY due_at
LIMIT $1
