-- The observation of an execution, in order.
SELECT entry_id, media_id, run_id, pipeline_id, pipeline_version, created_at, content
FROM entries
WHERE execution_id = $1
ORDER BY position
