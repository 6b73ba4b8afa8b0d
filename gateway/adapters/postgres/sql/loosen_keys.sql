-- The runs behind the keys of these executions are being removed.
UPDATE idempotency_keys SET loose = true WHERE execution_id = ANY($1::text[])
