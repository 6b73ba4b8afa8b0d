-- Whether there is an execution of this ID.
SELECT EXISTS (SELECT FROM executions WHERE execution_id = $1)
