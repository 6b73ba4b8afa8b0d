-- Hold these executions until the transaction ends, always in the same order; those that there are come back. Each is
-- asked for by somebody who sees those of one owner, or all.
SELECT executions.execution_id
FROM executions
JOIN unnest($1::text[], $2::text[]) AS asked (execution_id, owner) USING (execution_id)
WHERE asked.owner IS NULL OR asked.owner = executions.owner
ORDER BY executions.execution_id
FOR UPDATE OF executions
