-- Triton has these pipelines no more; those come back that nobody has said so of.
UPDATE pipelines SET gone_at = $2
WHERE pipeline_id = ANY ($1::text[]) AND gone_at IS NULL
RETURNING pipeline_id
