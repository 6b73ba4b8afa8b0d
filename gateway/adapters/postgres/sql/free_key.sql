-- Free a key, if this run still holds it.
DELETE FROM idempotency_keys WHERE digest = $1 AND run_id = $2 AND lease_until IS NOT NULL
RETURNING run_id
