-- An execution is being changed: hold it until the transaction ends.
UPDATE executions SET changed_at = now() WHERE execution_id = $1 AND ($2::text IS NULL OR owner = $2)
RETURNING execution_id
