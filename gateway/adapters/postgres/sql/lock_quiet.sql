-- Hold executions that were last seen to change so many seconds ago, unless somebody else holds them.
SELECT execution_id FROM executions
WHERE ttl IS NULL AND transient = $1 AND seen_at < now() - make_interval(secs => $2)
ORDER BY seen_at
LIMIT $3
FOR UPDATE SKIP LOCKED
