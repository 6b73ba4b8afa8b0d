-- Write a new key.
INSERT INTO api_keys (key_id, name, owner, digest, scopes, pipelines, rate, concurrency, created_at, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
