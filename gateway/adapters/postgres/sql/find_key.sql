-- The call that was made under a key.
SELECT fingerprint, run_id, execution_id, seed, lease_until FROM idempotency_keys WHERE digest = $1
