-- Those of the hooks of an execution that there are, in the order in which it names them.
SELECT hooks.*
FROM executions, unnest(executions.hook_ids) WITH ORDINALITY AS named (hook_id, place)
JOIN hooks ON hooks.hook_id = named.hook_id
WHERE executions.execution_id = $1 AND ($2::text IS NULL OR executions.owner = $2)
ORDER BY place
