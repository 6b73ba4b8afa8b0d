-- Every key, newest first.
SELECT * FROM api_keys ORDER BY number DESC
