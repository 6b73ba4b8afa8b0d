-- Runs of these pipelines in the background that are due and that nobody holds, the most urgent first.
SELECT run_id, pipeline_id, priority FROM runs
WHERE request IS NOT NULL AND state IN ('queued', 'running') AND pipeline_id = ANY($1::text[])
    AND ((state = 'queued' AND due_at <= now()) OR (state = 'running' AND lease_until < now()))
ORDER BY priority DESC, due_at
LIMIT $2
