-- What an action on jobs must know of them: a JSON array of ids.
SELECT id, place, state, queue, unique_key FROM queue_jobs WHERE id IN (SELECT unhex(value) FROM json_each(?))
