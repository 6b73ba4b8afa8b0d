-- Take blobs that are due, for so many seconds; whoever takes them removes them, and then their rows.
UPDATE doomed_blobs SET awaited = false, due_at = now() + make_interval(secs => $2)
WHERE blob IN (
    SELECT blob FROM doomed_blobs WHERE due_at <= now() ORDER BY due_at LIMIT $1 FOR UPDATE SKIP LOCKED
)
RETURNING blob
