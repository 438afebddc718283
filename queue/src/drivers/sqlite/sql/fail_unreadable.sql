-- Fails rows that a worker has claimed and nobody can read: a JSON array of [place, what is wrong].
WITH broken AS MATERIALIZED (SELECT ? AS now, value ->> 0 AS place, value ->> 1 AS error FROM json_each(?))
UPDATE queue_jobs SET
    state = 'failed', finished_at = now, lease_expires_at = NULL,
    errors = json_insert(
        iif(json_valid(errors) AND json_type(errors) = 'array' AND json_array_length(errors) < 100, errors, '[]'),
        '$[#]', json_array(attempt, now, error)
    )
FROM broken
WHERE queue_jobs.place = broken.place AND queue_jobs.state = 'running' AND queue_jobs.worker = ?
RETURNING queue
