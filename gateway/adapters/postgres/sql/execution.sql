-- One execution.
SELECT * FROM executions WHERE execution_id = $1
