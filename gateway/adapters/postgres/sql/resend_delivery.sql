-- Send a delivery again from its first try on, under the same ID; one that still waits is due now.
UPDATE deliveries SET state = 'pending', attempt = 0, due_at = now(), ended_at = NULL
WHERE delivery_id = $1
RETURNING *
