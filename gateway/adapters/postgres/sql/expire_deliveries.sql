-- Remove deliveries that ended long ago.
DELETE FROM deliveries
WHERE delivery_id IN (
    SELECT delivery_id FROM deliveries WHERE ended_at < now() - make_interval(secs => $1)
    ORDER BY ended_at
    LIMIT $2
    FOR UPDATE SKIP LOCKED
)
RETURNING 1
