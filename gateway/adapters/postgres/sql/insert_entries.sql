-- Append entries to an observation, in this order.
INSERT INTO entries (
    execution_id, entry_id, run_id, media_id, pipeline_id, pipeline_version, created_at, content
)
SELECT $1, entry_id, run_id, media_id, pipeline_id, pipeline_version, created_at, content
FROM unnest($2::text[], $3::uuid[], $4::text[], $5::text[], $6::integer[], $7::timestamptz[], $8::json[])
    WITH ORDINALITY
    AS entry (entry_id, run_id, media_id, pipeline_id, pipeline_version, created_at, content, number)
ORDER BY number
