-- One artifact, unless its execution is somebody else's.
SELECT artifacts.* FROM artifacts JOIN executions USING (execution_id)
WHERE execution_id = $1 AND artifact_id = $2 AND ($3::text IS NULL OR executions.owner = $3)
