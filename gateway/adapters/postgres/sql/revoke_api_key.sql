-- Revoke a key; nothing comes back where that was done before.
UPDATE api_keys SET revoked_at = $2
WHERE key_id = $1 AND revoked_at IS NULL
RETURNING key_id
