-- Whether there is an execution that is not somebody else's.
SELECT true FROM executions WHERE execution_id = $1 AND ($2::text IS NULL OR owner = $2)
