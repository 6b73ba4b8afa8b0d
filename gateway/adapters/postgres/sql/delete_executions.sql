-- Remove executions with all records that belong to them.
DELETE FROM executions WHERE execution_id = ANY($1::text[])
