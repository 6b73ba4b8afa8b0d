-- These blobs are gone.
DELETE FROM doomed_blobs WHERE blob = ANY($1::text[])
