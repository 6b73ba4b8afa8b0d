-- A page of the deliveries of a hook, newest first.
SELECT deliveries.* FROM deliveries JOIN executions USING (execution_id)
WHERE hook_id = $1 AND ($3::bigint IS NULL OR deliveries.number < $3) AND ($4::text IS NULL OR owner = $4)
ORDER BY deliveries.number DESC
LIMIT $2
