-- A page of files, newest first.
SELECT * FROM files
WHERE ($2::text IS NULL OR owner = $2) AND ($3::text IS NULL OR purpose = $3) AND ($4::bigint IS NULL OR number < $4)
    AND (expires_at IS NULL OR expires_at > now())
ORDER BY number DESC
LIMIT $1
