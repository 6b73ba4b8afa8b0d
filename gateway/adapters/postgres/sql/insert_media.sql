-- Write the record of stored media, where its execution still is.
INSERT INTO media (execution_id, media_id, content_type, size, blob, created_at)
SELECT execution_id, $2, $3, $4, $5, $6 FROM executions WHERE execution_id = $1 FOR SHARE
RETURNING media_id
