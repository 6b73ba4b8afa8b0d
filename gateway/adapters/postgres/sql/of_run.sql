-- What a caller put in with a call, and what its run found, superseded or not, in order.
SELECT position, entry_id, media_id, run_id, pipeline_id, pipeline_version, created_at, content
FROM entries
WHERE execution_id = $1 AND (run_id = $2 OR entry_id = ANY($3::text[]))
ORDER BY position
