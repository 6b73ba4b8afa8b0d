-- Write runs with the executions they bring about, and their entries: runs that have ended, and runs in the background
-- that are due at once. A run that is already written is left as it is, and so are its entries: a repeat after a lost
-- answer adds nothing.
WITH run AS (
    SELECT * FROM unnest(
        $1::text[], $2::uuid[], $3::text[], $4::integer[], $5::text[], $6::integer[], $7::integer[], $8::timestamptz[],
        $9::timestamptz[], $10::timestamptz[], $11::double precision[], $12::double precision[],
        $13::double precision[], $14::json[], $15::json[], $16::text[], $17::json[], $18::boolean[], $19::json[]
    ) AS run (
        execution_id, run_id, pipeline_id, pipeline_version, state, attempt, media_count, created_at, started_at,
        completed_at, queue_ms, compute_ms, gateway_ms, model_versions, error, tag, meta_data, transient,
        request
    )
), new_executions AS (
    INSERT INTO executions (
        execution_id, tag, meta_data, created_at, newest_run, state, started_at, completed_at, error, transient
    )
    SELECT execution_id, tag, meta_data, created_at, run_id, state, started_at, completed_at, error, transient FROM run
    ON CONFLICT (execution_id) DO NOTHING
), new_runs AS (
    INSERT INTO runs (
        run_id, execution_id, pipeline_id, pipeline_version, state, attempt, media_count, created_at, started_at,
        completed_at, queue_ms, compute_ms, gateway_ms, model_versions, error, request, due_at
    )
    SELECT
        run_id, execution_id, pipeline_id, pipeline_version, state, attempt, media_count, created_at, started_at,
        completed_at, queue_ms, compute_ms, gateway_ms, model_versions, error, request, created_at
    FROM run
    ON CONFLICT (run_id) DO NOTHING
    RETURNING run_id
)
INSERT INTO entries (
    execution_id, entry_id, run_id, media_id, pipeline_id, pipeline_version, created_at, content
)
SELECT
    run.execution_id, entry.entry_id, entry.run_id, entry.media_id, entry.pipeline_id, entry.pipeline_version,
    entry.created_at, entry.content
FROM unnest($20::uuid[], $21::text[], $22::uuid[], $23::text[], $24::text[], $25::integer[], $26::timestamptz[],
    $27::json[]) WITH ORDINALITY
    AS entry (
        of_run, entry_id, run_id, media_id, pipeline_id, pipeline_version, created_at, content, number
    )
JOIN new_runs ON new_runs.run_id = entry.of_run
JOIN run ON run.run_id = entry.of_run
ORDER BY entry.number
