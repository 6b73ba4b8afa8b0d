-- Write a new execution; nothing comes back where there is one of this ID.
INSERT INTO executions (execution_id, tag, meta_data, created_at)
VALUES ($1, $2, $3, $4)
ON CONFLICT (execution_id) DO NOTHING
RETURNING execution_id
