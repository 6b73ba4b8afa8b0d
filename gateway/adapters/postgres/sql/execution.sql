-- One execution.
SELECT * FROM executions WHERE execution_id = $1 AND ($2::text IS NULL OR owner = $2)
