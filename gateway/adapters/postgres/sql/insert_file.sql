-- Write the record of a file, where its blob is not being removed.
WITH taken AS (
    DELETE FROM doomed_blobs WHERE blob = $7 AND awaited
    RETURNING blob
)
INSERT INTO files (file_id, owner, filename, purpose, content_type, size, blob, created_at, ttl, expires_at)
SELECT $1, $2, $3, $4, $5, $6, blob, $8, $9::double precision,
    CASE WHEN $9 > 0 THEN $8::timestamptz + make_interval(secs => $9) END
FROM taken
RETURNING file_id
