-- The runs in the background: those that are due and wait for a worker, those that are not due yet, those that are held,
-- and for how many seconds the oldest of the first has been due.
SELECT
    count(*) FILTER (WHERE state = 'queued' AND due_at <= now()) AS due,
    count(*) FILTER (WHERE state = 'queued' AND due_at > now()) AS delayed,
    count(*) FILTER (WHERE state = 'running') AS running,
    coalesce(
        extract(epoch FROM now() - min(due_at) FILTER (WHERE state = 'queued' AND due_at <= now())), 0
    )::double precision AS oldest
FROM runs
WHERE request IS NOT NULL AND state IN ('queued', 'running')
