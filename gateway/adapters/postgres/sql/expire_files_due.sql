-- Remove the records of files whose own time is over, and doom their blobs.
WITH gone AS (
    DELETE FROM files
    WHERE file_id IN (
        SELECT file_id FROM files WHERE expires_at <= now()
        ORDER BY expires_at
        LIMIT $1
        FOR UPDATE SKIP LOCKED
    )
    RETURNING blob
)
INSERT INTO doomed_blobs (blob) SELECT blob FROM gone
RETURNING blob
