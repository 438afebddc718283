-- Asks that running jobs be cancelled: a JSON array of places.
UPDATE queue_jobs SET cancel_requested = 1 WHERE place IN (SELECT value FROM json_each(?))
