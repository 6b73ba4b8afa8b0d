-- A page of the deliveries of an execution, newest first.
SELECT * FROM deliveries
WHERE execution_id = $1 AND ($3::bigint IS NULL OR number < $3)
ORDER BY number DESC
LIMIT $2
