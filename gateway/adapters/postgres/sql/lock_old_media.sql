-- Hold executions with media that were stored so many seconds ago, unless somebody else holds them or they have a run
-- that has not ended.
SELECT execution_id FROM executions
WHERE execution_id IN (
        SELECT media.execution_id FROM media
        WHERE media.created_at < now() - make_interval(secs => $1) AND NOT EXISTS (
            SELECT 1 FROM runs
            WHERE runs.execution_id = media.execution_id AND request IS NOT NULL AND state IN ('queued', 'running')
        )
        ORDER BY media.created_at
        LIMIT $2
    )
FOR UPDATE SKIP LOCKED
