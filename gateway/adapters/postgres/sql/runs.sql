-- A page of the runs of an execution, oldest first.
SELECT * FROM runs
WHERE execution_id = $1 AND ($3::uuid IS NULL OR run_id > $3)
ORDER BY run_id
LIMIT $2
