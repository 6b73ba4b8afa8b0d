-- Disable a hook whose receiver is gone; what still waits for it is canceled.
WITH disabled AS (
    UPDATE hooks SET enabled = false WHERE hook_id = $1 RETURNING hook_id
)
UPDATE deliveries SET state = 'canceled', due_at = NULL, ended_at = now(), observation = NULL
FROM disabled
WHERE deliveries.hook_id = disabled.hook_id AND state = 'pending'
