-- Change a hook; its secrets stay where none are given. What still waits for it goes to where it is now, and is canceled
-- where it is disabled.
WITH updated AS (
    UPDATE hooks SET definition = $2, enabled = $3, secrets = coalesce($4, secrets)
    WHERE hook_id = $1 AND ($7::text IS NULL OR owner = $7)
    RETURNING hooks.*
), waiting AS (
    UPDATE deliveries
    SET url = $5, receiver = $6,
        state = CASE WHEN $3 THEN state ELSE 'canceled' END,
        due_at = CASE WHEN $3 THEN due_at END,
        ended_at = CASE WHEN $3 THEN NULL ELSE now() END,
        observation = CASE WHEN $3 THEN observation END
    FROM updated
    WHERE deliveries.hook_id = updated.hook_id AND deliveries.state = 'pending'
)
SELECT * FROM updated
