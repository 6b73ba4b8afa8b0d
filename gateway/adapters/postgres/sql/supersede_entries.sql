-- Hide what this pipeline found on the execution before this run.
UPDATE entries SET superseded_by = $3
WHERE execution_id = $1 AND pipeline_id = $2 AND superseded_by IS NULL
