-- Write the execution that a run in the background brings about.
INSERT INTO executions (execution_id, tag, meta_data, created_at) VALUES ($1, $2, $3, $4)
