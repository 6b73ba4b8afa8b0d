-- Runs in the background of other pipelines than these that nobody holds, and that could have begun long ago.
SELECT run_id FROM runs
WHERE request IS NOT NULL AND state IN ('queued', 'running') AND NOT pipeline_id = ANY($1::text[])
    AND coalesce(execute_after, created_at) < now() - make_interval(secs => $2)
    AND ((state = 'queued' AND due_at <= now()) OR (state = 'running' AND lease_until < now()))
LIMIT $3
