-- Remove the record of stored media, and doom its blob. The execution is held first, as by all that change both.
WITH held AS (
    UPDATE executions SET changed_at = now() WHERE execution_id = $1 AND ($3::text IS NULL OR owner = $3)
    RETURNING execution_id
), gone AS (
    DELETE FROM media USING held WHERE media.execution_id = held.execution_id AND media_id = $2
    RETURNING blob
)
INSERT INTO doomed_blobs (blob) SELECT blob FROM gone
RETURNING blob
