-- Write a run on an execution there is; nothing comes back where it is written already.
INSERT INTO runs (
    execution_id, run_id, pipeline_id, pipeline_version, state, attempt, media_count, created_at, started_at,
    completed_at, queue_ms, compute_ms, gateway_ms, model_versions, error, priority, execute_after, request, due_at
)
VALUES (
    $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, now() + make_interval(secs => $19)
)
ON CONFLICT (run_id) DO NOTHING
RETURNING run_id
