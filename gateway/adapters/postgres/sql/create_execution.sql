-- Write a new execution; nothing comes back where there is one of this ID.
INSERT INTO executions (execution_id, tag, meta_data, created_at, ttl, due_at, hook_ids, owner)
VALUES ($1, $2, $3, $4, $5, now() + make_interval(secs => $5), $6, $7)
ON CONFLICT (execution_id) DO NOTHING
RETURNING execution_id
