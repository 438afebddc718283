-- Cancels waiting jobs: a JSON array of places.
UPDATE queue_jobs SET state = 'cancelled', finished_at = ? WHERE place IN (SELECT value FROM json_each(?))
