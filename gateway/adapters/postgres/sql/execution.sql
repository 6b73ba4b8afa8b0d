-- One execution with the state of its newest run.
SELECT
    executions.execution_id, executions.tag, executions.meta_data, executions.created_at,
    newest.state, newest.started_at, newest.completed_at, newest.error
FROM executions
LEFT JOIN LATERAL (
    SELECT state, started_at, completed_at, error
    FROM runs
    WHERE runs.execution_id = executions.execution_id
    ORDER BY runs.run_id DESC
    LIMIT 1
) AS newest ON true
WHERE executions.execution_id = $1
