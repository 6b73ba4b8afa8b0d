-- A page of executions, newest first.
SELECT * FROM executions
WHERE ($2::text IS NULL OR tag = $2) AND ($3::text IS NULL OR state = $3) AND ($4::bigint IS NULL OR number < $4)
    AND ($5::text IS NULL OR owner = $5)
ORDER BY number DESC
LIMIT $1
