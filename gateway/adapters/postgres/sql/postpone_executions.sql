-- Look later at those of these executions that were changed since they were seen, or have a run that has not ended.
UPDATE executions
SET seen_at = looked.since, due_at = looked.since + make_interval(secs => ttl)
FROM (
    SELECT execution_id AS looked_at, CASE WHEN EXISTS (
        SELECT 1 FROM runs
        WHERE runs.execution_id = executions.execution_id AND request IS NOT NULL AND state IN ('queued', 'running')
    ) THEN now() ELSE changed_at END AS since
    FROM executions WHERE execution_id = ANY($1::text[])
) AS looked
WHERE execution_id = looked_at AND looked.since >= now() - make_interval(secs => coalesce(ttl, $2))
RETURNING execution_id
