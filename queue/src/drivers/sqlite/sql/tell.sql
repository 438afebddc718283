-- Tells workers something: those of a JSON array of ids, or, where that is null, all that are alive.
UPDATE queue_workers SET told = ?
WHERE iif(? IS NULL, seen_at + lease > ?, id IN (SELECT unhex(value) FROM json_each(?)))
