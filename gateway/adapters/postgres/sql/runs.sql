-- A page of the runs of an execution, oldest first.
SELECT runs.* FROM runs JOIN executions USING (execution_id)
WHERE execution_id = $1 AND ($3::uuid IS NULL OR run_id > $3) AND ($4::text IS NULL OR owner = $4)
ORDER BY run_id
LIMIT $2
