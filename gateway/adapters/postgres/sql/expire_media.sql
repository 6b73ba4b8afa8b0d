-- Remove the records of old media of these executions, unless a run was accepted just now, and doom their blobs.
WITH gone AS (
    DELETE FROM media
    WHERE execution_id = ANY($1::text[]) AND created_at < now() - make_interval(secs => $2) AND NOT EXISTS (
        SELECT 1 FROM runs
        WHERE runs.execution_id = media.execution_id AND request IS NOT NULL AND state IN ('queued', 'running')
    )
    RETURNING blob
)
INSERT INTO doomed_blobs (blob) SELECT blob FROM gone
RETURNING blob
