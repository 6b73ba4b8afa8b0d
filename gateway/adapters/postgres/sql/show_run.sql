-- An execution was changed by a run: show the state of its newest run there; and, if this is the newest, what the call
-- says of the execution.
UPDATE executions
SET newest_run = shown.run_id, state = shown.state, started_at = shown.started_at, completed_at = shown.completed_at,
    error = shown.error, changed_at = now(),
    tag = coalesce(CASE WHEN shown.run_id = run.run_id THEN $2::text END, executions.tag),
    meta_data = coalesce(CASE WHEN shown.run_id = run.run_id THEN $3::json END, executions.meta_data)
FROM runs AS run, runs AS shown
WHERE run.run_id = $1 AND executions.execution_id = run.execution_id
    AND shown.run_id = greatest(executions.newest_run, run.run_id)
