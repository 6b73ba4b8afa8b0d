-- Replace the content of entries whose ID is known, and append the others, in this order.
INSERT INTO entries (execution_id, entry_id, media_id, created_at, content)
SELECT $1, entry_id, media_id, created_at, content
FROM unnest($2::text[], $3::text[], $4::timestamptz[], $5::json[]) WITH ORDINALITY
    AS entry (entry_id, media_id, created_at, content, number)
ORDER BY number
ON CONFLICT (execution_id, entry_id) DO UPDATE SET content = excluded.content
