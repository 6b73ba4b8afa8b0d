-- A page of the deliveries of a hook, newest first.
SELECT * FROM deliveries
WHERE hook_id = $1 AND ($3::bigint IS NULL OR number < $3)
ORDER BY number DESC
LIMIT $2
