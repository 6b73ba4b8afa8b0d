-- A blob is about to be stored for an execution; it goes in so many seconds unless its record is written by then.
INSERT INTO doomed_blobs (blob, due_at, awaited)
SELECT $2, now() + make_interval(secs => $3), true FROM executions
WHERE execution_id = $1 AND ($4::text IS NULL OR owner = $4)
RETURNING blob
