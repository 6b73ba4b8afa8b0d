-- Write the record of stored media, where its execution still is and its blob is not being removed. The execution is
-- held first, as by all that change both.
WITH held AS (
    UPDATE executions SET changed_at = now() WHERE execution_id = $1 AND ($7::text IS NULL OR owner = $7)
    RETURNING execution_id
), taken AS (
    DELETE FROM doomed_blobs USING held WHERE blob = $5 AND awaited
    RETURNING held.execution_id
)
INSERT INTO media (execution_id, media_id, content_type, size, blob, created_at)
SELECT execution_id, $2, $3, $4, $5, $6 FROM taken
RETURNING media_id
