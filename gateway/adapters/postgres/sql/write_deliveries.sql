-- Write deliveries, due at once; one that is already written is left as it is: a repeat after a lost answer adds nothing.
INSERT INTO deliveries (
    delivery_id, execution_id, hook_id, url, receiver, secret, event, observation, documents, created_at, due_at
)
SELECT
    delivery_id, execution_id, hook_id, url, receiver, secret, event, observation, documents, delivery.created_at,
    now()
FROM unnest(
    $1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::json[], $8::json[], $9::json[],
    $10::timestamptz[]
) WITH ORDINALITY AS delivery (
    delivery_id, execution_id, hook_id, url, receiver, secret, event, observation, documents, created_at, place
)
JOIN executions USING (execution_id)
WHERE $11::text IS NULL OR owner = $11
ORDER BY place
ON CONFLICT (delivery_id) DO NOTHING
