-- Remove what the queue counted of jobs long ago.
DELETE FROM pgqueuer_statistics
WHERE id IN (
    SELECT id FROM pgqueuer_statistics WHERE created < now() - make_interval(secs => $1)
    ORDER BY id
    LIMIT $2
    FOR UPDATE SKIP LOCKED
)
RETURNING 1
