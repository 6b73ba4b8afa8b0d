-- Show a run's state on its execution, unless a newer run is shown there; and what the call says of the execution.
UPDATE executions
SET newest_run = run.run_id, state = run.state, started_at = run.started_at, completed_at = run.completed_at,
    error = run.error, tag = coalesce($2, executions.tag), meta_data = coalesce($3, executions.meta_data)
FROM runs AS run
WHERE run.run_id = $1 AND executions.execution_id = run.execution_id
    AND (executions.newest_run IS NULL OR executions.newest_run <= run.run_id)
