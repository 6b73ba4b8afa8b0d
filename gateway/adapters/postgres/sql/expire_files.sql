-- Remove the records of old files that have no time of their own, and doom their blobs.
WITH gone AS (
    DELETE FROM files
    WHERE file_id IN (
        SELECT file_id FROM files WHERE ttl IS NULL AND created_at < now() - make_interval(secs => $1)
        ORDER BY created_at
        LIMIT $2
        FOR UPDATE SKIP LOCKED
    )
    RETURNING blob
)
INSERT INTO doomed_blobs (blob) SELECT blob FROM gone
RETURNING blob
