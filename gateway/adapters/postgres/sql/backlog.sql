-- How many runs wait for a worker; no more than so many are counted.
SELECT count(*) FROM (
    SELECT 1 FROM runs WHERE request IS NOT NULL AND state IN ('queued', 'running') AND state = 'queued' LIMIT $1
) AS waiting
