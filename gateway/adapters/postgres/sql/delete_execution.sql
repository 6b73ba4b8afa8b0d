-- Remove an execution with all that belongs to it; the blobs of its media, its runs and its deliveries come back.
DELETE FROM executions WHERE execution_id = $1
RETURNING
    ARRAY(SELECT blob FROM media WHERE media.execution_id = $1)
    || ARRAY(
        SELECT json_array_elements_text(request -> 'staged')
        FROM runs WHERE runs.execution_id = $1 AND request IS NOT NULL
    )
    || ARRAY(
        SELECT json_array_elements(documents) ->> 'blob'
        FROM deliveries WHERE deliveries.execution_id = $1 AND documents IS NOT NULL
    ) AS blobs
