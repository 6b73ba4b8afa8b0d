-- Remove a hook; what still waits for it is canceled.
WITH gone AS (
    DELETE FROM hooks WHERE hook_id = $1 AND ($2::text IS NULL OR owner = $2) RETURNING hook_id
), canceled AS (
    UPDATE deliveries SET state = 'canceled', due_at = NULL, ended_at = now(), observation = NULL
    FROM gone
    WHERE deliveries.hook_id = gone.hook_id AND deliveries.state = 'pending'
)
SELECT hook_id FROM gone
