-- Remove old keys that no record of a run stands behind.
DELETE FROM idempotency_keys
WHERE digest IN (
    SELECT digest FROM idempotency_keys
    WHERE loose AND created_at < now() - make_interval(secs => $1) AND (lease_until IS NULL OR lease_until < now())
    ORDER BY created_at
    LIMIT $2
    FOR UPDATE SKIP LOCKED
)
RETURNING 1
