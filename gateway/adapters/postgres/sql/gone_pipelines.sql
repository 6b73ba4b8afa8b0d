-- The pipelines that Triton was seen to have no more.
SELECT pipeline_id FROM pipelines WHERE gone_at IS NOT NULL
