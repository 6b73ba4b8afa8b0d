-- Remove the record of stored media.
DELETE FROM media WHERE execution_id = $1 AND media_id = $2 RETURNING blob
