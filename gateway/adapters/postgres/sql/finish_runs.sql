-- Write finished runs with their executions and entries. A run that is already written is left as it is,
-- and so are its entries: a repeat after a lost answer adds nothing.
WITH new_executions AS (
    INSERT INTO executions (execution_id, tag, meta_data, created_at)
    SELECT * FROM unnest($1::text[], $2::text[], $3::json[], $4::timestamptz[])
    ON CONFLICT (execution_id) DO NOTHING
), new_runs AS (
    INSERT INTO runs (
        run_id, execution_id, pipeline_id, pipeline_version, state, attempt, media_count, created_at, started_at,
        completed_at, queue_ms, compute_ms, gateway_ms, model_versions, error
    )
    SELECT * FROM unnest(
        $5::uuid[], $1::text[], $6::text[], $7::integer[], $8::text[], $9::integer[], $10::integer[],
        $11::timestamptz[], $12::timestamptz[], $13::timestamptz[], $14::double precision[], $15::double precision[], $16::double precision[],
        $17::json[], $18::json[]
    )
    ON CONFLICT (run_id) DO NOTHING
    RETURNING run_id, execution_id, pipeline_id, pipeline_version
)
INSERT INTO entries (
    execution_id, entry_id, run_id, media_id, pipeline_id, pipeline_version, created_at, content
)
SELECT
    new_runs.execution_id, entry.entry_id, new_runs.run_id, entry.media_id, new_runs.pipeline_id,
    new_runs.pipeline_version, entry.created_at, entry.content
FROM unnest($19::uuid[], $20::uuid[], $21::text[], $22::timestamptz[], $23::json[]) WITH ORDINALITY
    AS entry (run_id, entry_id, media_id, created_at, content, number)
JOIN new_runs USING (run_id)
ORDER BY entry.number
