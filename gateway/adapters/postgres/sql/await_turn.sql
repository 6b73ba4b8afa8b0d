-- Take a turn when whoever has it gives it back; it ends with the session.
SELECT pg_advisory_lock(hashtextextended('turn:' || $1::text, 0))
