-- Write a new hook; nothing comes back where there is one of this ID, or was one of another owner's: what still names that
-- one must not come to mean this one.
WITH named AS (
    INSERT INTO hook_names (hook_id, owner) VALUES ($1, $6)
    ON CONFLICT (hook_id) DO UPDATE SET owner = excluded.owner WHERE hook_names.owner = excluded.owner
    RETURNING hook_id
)
INSERT INTO hooks (hook_id, definition, enabled, secrets, created_at, owner)
SELECT hook_id, $2, $3, $4, $5, $6 FROM named
ON CONFLICT (hook_id) DO NOTHING
RETURNING hook_id
