-- Hold these runs longer, each by its attempt.
UPDATE runs SET lease_until = now() + make_interval(secs => $3)
FROM unnest($1::uuid[], $2::integer[]) AS held (run_id, attempt)
WHERE runs.run_id = held.run_id AND runs.attempt = held.attempt AND runs.state = 'running'
