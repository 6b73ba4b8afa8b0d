-- Send a delivery again from its first try on, under the same ID; one that still waits is due now.
UPDATE deliveries SET state = 'pending', attempt = 0, due_at = now(), ended_at = NULL
FROM executions
WHERE delivery_id = $1 AND executions.execution_id = deliveries.execution_id AND ($2::text IS NULL OR owner = $2)
RETURNING deliveries.*
