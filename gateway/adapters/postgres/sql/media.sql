-- The stored media of an execution, in the order they came.
SELECT media.* FROM media JOIN executions USING (execution_id)
WHERE execution_id = $1 AND ($2::text IS NULL OR owner = $2)
ORDER BY media.number
