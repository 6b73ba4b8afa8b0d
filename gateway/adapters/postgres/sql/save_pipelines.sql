-- Remember pipelines as they were seen just now.
INSERT INTO pipelines (pipeline_id, snapshot)
SELECT * FROM unnest($1::text[], $2::json[])
ON CONFLICT (pipeline_id) DO UPDATE SET snapshot = excluded.snapshot, seen_at = now(), gone_at = NULL
