-- Every pipeline that was ever seen, as it was last seen.
SELECT snapshot FROM pipelines ORDER BY pipeline_id
