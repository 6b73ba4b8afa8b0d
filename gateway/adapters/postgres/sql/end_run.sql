-- End a run that this attempt holds; nothing comes back where it holds it no longer.
UPDATE runs
SET state = $3, completed_at = $4, queue_ms = $5, compute_ms = $6, gateway_ms = $7, model_versions = $8, error = $9,
    request = NULL, lease_until = NULL
WHERE run_id = $1 AND attempt = $2 AND state = 'running'
RETURNING run_id
