-- One run.
SELECT runs.* FROM runs JOIN executions USING (execution_id) WHERE run_id = $1 AND ($2::text IS NULL OR owner = $2)
