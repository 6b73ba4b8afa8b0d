-- The call under a key has ended, if this run still holds the key.
UPDATE idempotency_keys SET lease_until = NULL, seed = $3, loose = false WHERE digest = $1 AND run_id = $2
RETURNING run_id
