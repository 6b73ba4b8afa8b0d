-- Hold executions with seconds of their own that seem to be over, unless somebody else holds them.
SELECT execution_id FROM executions
WHERE ttl > 0 AND due_at < now()
ORDER BY due_at
LIMIT $1
FOR UPDATE SKIP LOCKED
