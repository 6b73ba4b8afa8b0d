-- Runs in the background that nobody holds, and that could have begun long ago.
SELECT run_id FROM runs
WHERE request IS NOT NULL AND state IN ('queued', 'running')
    AND coalesce(execute_after, created_at) < now() - make_interval(secs => $1)
    AND ((state = 'queued' AND due_at <= now()) OR (state = 'running' AND lease_until < now()))
LIMIT $2
