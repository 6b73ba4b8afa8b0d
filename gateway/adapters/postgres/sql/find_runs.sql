-- Those of these runs that there are.
SELECT * FROM runs WHERE run_id = ANY($1::uuid[])
