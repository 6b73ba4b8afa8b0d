-- Of these pipelines those that are known, and not as gone.
SELECT pipeline_id, snapshot FROM pipelines WHERE pipeline_id = ANY ($1::text[]) AND gone_at IS NULL
