-- Write what came of a try, if nobody else has taken the delivery since: $2 is the time up to which it was held. What was
-- kept for it alone goes as soon as nobody can want it again.
UPDATE deliveries
SET state = $3, due_at = $4, last_attempt_at = $5, last_status = $6, last_failure = $7, last_excerpt = $8,
    ended_at = $9, observation = CASE WHEN $3 IN ('delivered', 'canceled') THEN NULL ELSE observation END
WHERE delivery_id = $1 AND due_at = $2 AND state = 'pending'
RETURNING delivery_id
