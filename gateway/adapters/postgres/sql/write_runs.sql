-- Write runs with the executions they bring about, and their entries: runs that have ended, and runs in the background
-- that wait for a worker. A run that is already written is left as it is, and so are its entries: a repeat after a lost
-- answer adds nothing.
WITH run AS (
    SELECT * FROM unnest(
        $1::text[], $2::uuid[], $3::text[], $4::integer[], $5::text[], $6::integer[], $7::integer[], $8::timestamptz[],
        $9::timestamptz[], $10::timestamptz[], $11::double precision[], $12::double precision[],
        $13::double precision[], $14::json[], $15::json[], $16::smallint[], $17::timestamptz[], $18::json[],
        $19::double precision[], $20::text[], $21::json[], $22::boolean[], $23::double precision[], $24::text[],
        $25::text[]
    ) AS run (
        execution_id, run_id, pipeline_id, pipeline_version, state, attempt, media_count, created_at, started_at,
        completed_at, queue_ms, compute_ms, gateway_ms, model_versions, error, priority, execute_after, request, delay,
        tag, meta_data, transient, ttl, hook_ids, owner
    )
), new_executions AS (
    INSERT INTO executions (
        execution_id, tag, meta_data, created_at, newest_run, state, started_at, completed_at, error, transient, ttl,
        due_at, hook_ids, owner
    )
    SELECT
        execution_id, tag, meta_data, created_at, run_id, state, started_at, completed_at, error, transient, ttl,
        now() + make_interval(secs => ttl), hook_ids::text[], owner
    FROM run
    ON CONFLICT (execution_id) DO NOTHING
), new_runs AS (
    INSERT INTO runs (
        run_id, execution_id, pipeline_id, pipeline_version, state, attempt, media_count, created_at, started_at,
        completed_at, queue_ms, compute_ms, gateway_ms, model_versions, error, priority, execute_after, request, due_at
    )
    SELECT
        run_id, execution_id, pipeline_id, pipeline_version, state, attempt, media_count, created_at, started_at,
        completed_at, queue_ms, compute_ms, gateway_ms, model_versions, error, priority, execute_after, request,
        now() + make_interval(secs => delay)
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
FROM unnest($26::uuid[], $27::text[], $28::uuid[], $29::text[], $30::text[], $31::integer[], $32::timestamptz[],
    $33::json[]) WITH ORDINALITY
    AS entry (
        of_run, entry_id, run_id, media_id, pipeline_id, pipeline_version, created_at, content, number
    )
JOIN new_runs ON new_runs.run_id = entry.of_run
JOIN run ON run.run_id = entry.of_run
ORDER BY entry.number
