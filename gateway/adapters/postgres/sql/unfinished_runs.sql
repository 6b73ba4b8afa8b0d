-- Which of these runs still need their media: to run on them, or to send them to receivers.
SELECT run_id FROM runs
WHERE run_id = ANY($1::uuid[]) AND (
    request IS NOT NULL
    OR EXISTS (
        SELECT 1 FROM deliveries
        WHERE deliveries.execution_id = runs.execution_id AND deliveries.state = 'pending'
            AND documents IS NOT NULL AND event ->> 'runId' = runs.run_id::text
    )
)
