-- Write a new hook; nothing comes back where there is one of this ID.
INSERT INTO hooks (hook_id, definition, enabled, secrets, created_at)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (hook_id) DO NOTHING
RETURNING hook_id
