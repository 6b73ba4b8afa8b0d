-- Take up to $1 deliveries that are due, the longest due first, for $2 seconds; of each receiver up to $3, less what of
-- its places is taken here ($4, $5). Whoever dies with one in hand leaves it to others when the time is over.
WITH RECURSIVE receivers AS (
    SELECT min(receiver) AS receiver FROM deliveries WHERE state = 'pending'
    UNION ALL
    SELECT (SELECT min(receiver) FROM deliveries WHERE state = 'pending' AND deliveries.receiver > receivers.receiver)
    FROM receivers
    WHERE receiver IS NOT NULL
), places AS (
    SELECT receiver, $3::integer - coalesce(taken, 0) AS free
    FROM receivers LEFT JOIN unnest($4::text[], $5::integer[]) AS busy (receiver, taken) USING (receiver)
    WHERE receiver IS NOT NULL
), due AS (
    SELECT next.delivery_id
    FROM places CROSS JOIN LATERAL (
        SELECT delivery_id, due_at
        FROM deliveries
        WHERE state = 'pending' AND deliveries.receiver = places.receiver AND due_at <= now()
        ORDER BY due_at
        LIMIT greatest(0, places.free)
        FOR UPDATE SKIP LOCKED
    ) AS next
    ORDER BY next.due_at
    LIMIT $1
)
UPDATE deliveries SET attempt = attempt + 1, due_at = clock_timestamp() + make_interval(secs => $2)
FROM due
WHERE deliveries.delivery_id = due.delivery_id
RETURNING deliveries.*
