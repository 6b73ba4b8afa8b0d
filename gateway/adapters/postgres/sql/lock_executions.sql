-- Hold these executions until the transaction ends, always in the same order; those that there are come back.
SELECT execution_id FROM executions WHERE execution_id = ANY($1::text[]) ORDER BY execution_id FOR UPDATE
