-- Blobs are about to be stored; they go in so many seconds unless their records are written by then.
INSERT INTO doomed_blobs (blob, due_at, awaited)
SELECT blob, now() + make_interval(secs => $2), true FROM unnest($1::text[]) AS announced (blob)
