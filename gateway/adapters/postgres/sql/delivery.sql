-- One delivery.
SELECT deliveries.* FROM deliveries JOIN executions USING (execution_id)
WHERE delivery_id = $1 AND ($2::text IS NULL OR owner = $2)
