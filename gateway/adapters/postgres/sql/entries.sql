-- A page of an observation, in order.
SELECT position, entry_id, media_id, run_id, pipeline_id, pipeline_version, created_at, content
FROM entries
WHERE execution_id = $1 AND position > $3 AND ($4 OR superseded_by IS NULL)
    AND ($5::text IS NULL OR EXISTS (SELECT 1 FROM executions WHERE execution_id = $1 AND owner = $5))
ORDER BY position
LIMIT $2
