-- Remove the record of a file, and doom its blob.
WITH gone AS (
    DELETE FROM files
    WHERE file_id = $1 AND ($2::text IS NULL OR owner = $2) AND (expires_at IS NULL OR expires_at > now())
    RETURNING blob
)
INSERT INTO doomed_blobs (blob) SELECT blob FROM gone
RETURNING blob
