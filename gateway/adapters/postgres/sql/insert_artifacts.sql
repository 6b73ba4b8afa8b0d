-- Write the records of artifacts whose blobs are not being removed; how many of them are written now, or were before,
-- comes back: a repeat after a lost answer adds nothing.
WITH made AS (
    SELECT * FROM unnest($1::text[], $2::uuid[], $3::uuid[], $4::text[], $5::integer[], $6::text[], $7::json[],
        $8::text[], $9::bigint[], $10::timestamptz[], $11::text[]) WITH ORDINALITY
        AS made (
            execution_id, artifact_id, run_id, name, page, datatype, shape, content_type, size, created_at, blob, place
        )
), taken AS (
    DELETE FROM doomed_blobs USING made WHERE doomed_blobs.blob = made.blob AND awaited
    RETURNING doomed_blobs.blob
), written AS (
    INSERT INTO artifacts (
        execution_id, artifact_id, run_id, name, page, datatype, shape, content_type, size, created_at, blob
    )
    SELECT execution_id, artifact_id, run_id, name, page, datatype, shape, content_type, size, created_at, blob
    FROM made JOIN taken USING (blob)
    ORDER BY place
    RETURNING 1
)
SELECT (SELECT count(*) FROM written) + (SELECT count(*) FROM made JOIN artifacts USING (execution_id, artifact_id))
