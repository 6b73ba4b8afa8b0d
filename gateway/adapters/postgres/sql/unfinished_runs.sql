-- Which of these runs still need their media.
SELECT run_id FROM runs WHERE run_id = ANY($1::uuid[]) AND request IS NOT NULL
