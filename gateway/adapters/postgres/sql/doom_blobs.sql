-- Doom every blob of executions that are being removed: of their media and artifacts, of their runs that have not
-- ended, and of what their deliveries send along.
INSERT INTO doomed_blobs (blob)
SELECT blob FROM media WHERE execution_id = ANY($1::text[])
UNION
SELECT blob FROM artifacts WHERE execution_id = ANY($1::text[])
UNION
SELECT json_array_elements_text(request -> 'staged') FROM runs
WHERE execution_id = ANY($1::text[]) AND request IS NOT NULL
UNION
SELECT json_array_elements(documents) ->> 'blob' FROM deliveries
WHERE execution_id = ANY($1::text[]) AND documents IS NOT NULL
ON CONFLICT (blob) DO UPDATE SET due_at = now(), awaited = false
RETURNING blob
