-- A page of the artifacts of an execution, in the order in which they were made, unless it is somebody else's.
SELECT artifacts.* FROM artifacts JOIN executions USING (execution_id)
WHERE execution_id = $1 AND ($2::text IS NULL OR executions.owner = $2) AND artifacts.number > $4
ORDER BY artifacts.number
LIMIT $3
