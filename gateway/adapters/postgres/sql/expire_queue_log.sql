-- Remove what the queue noted of jobs long ago.
DELETE FROM pgqueuer_log
WHERE id IN (
    SELECT id FROM pgqueuer_log WHERE created < now() - make_interval(secs => $1)
    ORDER BY created
    LIMIT $2
    FOR UPDATE SKIP LOCKED
)
RETURNING 1
