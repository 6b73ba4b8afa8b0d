-- The first of these executions that have no more than so many entries together; one at the least.
SELECT execution_id FROM (
    SELECT execution_id, number, sum(entries) OVER (ORDER BY number) AS total
    FROM unnest($1::text[]) WITH ORDINALITY AS each (execution_id, number), LATERAL (
        SELECT count(*) AS entries
        FROM (SELECT 1 FROM entries WHERE entries.execution_id = each.execution_id LIMIT $2) AS counted
    ) AS size
) AS sized
WHERE total < $2 OR number = 1
