-- A page of hooks, newest first.
SELECT * FROM hooks
WHERE ($2::bigint IS NULL OR number < $2) AND ($3::text IS NULL OR owner = $3)
ORDER BY number DESC
LIMIT $1
