-- Hold a key for a call that is waited for, where nobody holds it or its holder has not ended in time.
INSERT INTO idempotency_keys (digest, fingerprint, run_id, execution_id, lease_until, loose)
VALUES ($1, $2, $3, $4, now() + make_interval(secs => $5), true)
ON CONFLICT (digest) DO UPDATE
SET fingerprint = excluded.fingerprint, run_id = excluded.run_id, execution_id = excluded.execution_id,
    lease_until = excluded.lease_until, created_at = now(), loose = true
WHERE idempotency_keys.lease_until < now()
RETURNING run_id
