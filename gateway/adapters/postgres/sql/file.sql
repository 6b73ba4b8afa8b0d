-- One file, unless it is somebody else's or its own time is over.
SELECT * FROM files
WHERE file_id = $1 AND ($2::text IS NULL OR owner = $2) AND (expires_at IS NULL OR expires_at > now())
