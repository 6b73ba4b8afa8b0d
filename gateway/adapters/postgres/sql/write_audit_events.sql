-- Write what was changed, within the transaction of the change.
INSERT INTO audit_events (at, actor, action, subject, details)
SELECT * FROM unnest($1::timestamptz[], $2::text[], $3::text[], $4::text[], $5::json[])
