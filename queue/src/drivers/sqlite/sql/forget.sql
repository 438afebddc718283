-- Removes ended jobs: a JSON array of places.
DELETE FROM queue_jobs WHERE place IN (SELECT value FROM json_each(?))
