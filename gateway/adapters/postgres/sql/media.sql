-- The stored media of an execution, in the order they came.
SELECT * FROM media WHERE execution_id = $1 ORDER BY number
