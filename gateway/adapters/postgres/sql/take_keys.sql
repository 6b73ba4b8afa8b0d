-- Let keys name runs in the background, where nobody holds them or their holder has not ended in time; those that do
-- come back. Always in the same order, so that no two wait for each other.
INSERT INTO idempotency_keys (digest, fingerprint, run_id, execution_id, seed)
SELECT digest, fingerprint, run_id, execution_id, seed
FROM unnest($1::bytea[], $2::bytea[], $3::uuid[], $4::text[], $5::json[])
    AS taken (digest, fingerprint, run_id, execution_id, seed)
ORDER BY digest
ON CONFLICT (digest) DO UPDATE
SET fingerprint = excluded.fingerprint, run_id = excluded.run_id, execution_id = excluded.execution_id,
    seed = excluded.seed, lease_until = NULL, created_at = now(), loose = false
WHERE idempotency_keys.lease_until < now()
RETURNING run_id
