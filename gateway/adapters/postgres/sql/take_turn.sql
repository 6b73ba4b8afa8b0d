-- Take a turn if nobody has it; it ends with the session.
SELECT pg_try_advisory_lock(hashtextextended('turn:' || $1::text, 0))
