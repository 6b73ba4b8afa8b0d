-- Hold these runs longer, each by its attempt; those that are still held come back, and whether they are to be canceled.
UPDATE runs SET lease_until = now() + make_interval(secs => $3)
FROM unnest($1::uuid[], $2::integer[]) AS held (run_id, attempt)
WHERE runs.run_id = held.run_id AND runs.attempt = held.attempt AND runs.state = 'running'
RETURNING runs.run_id, cancel_requested_at IS NOT NULL AS canceled
