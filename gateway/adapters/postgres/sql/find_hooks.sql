-- Those of these hooks that there are, in this order.
SELECT hooks.*
FROM unnest($1::text[]) WITH ORDINALITY AS asked (hook_id, place)
JOIN hooks USING (hook_id)
WHERE $2::text IS NULL OR owner = $2
ORDER BY place
