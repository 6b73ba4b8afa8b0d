-- The last changes, newest first.
SELECT * FROM audit_events ORDER BY number DESC LIMIT $1
