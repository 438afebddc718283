-- Fails rows that a worker has claimed and nobody can read: a JSON array of [place, what is wrong].
-- The `+` keeps SQLite from going over all running jobs by the index of their leases.
WITH broken AS MATERIALIZED (SELECT ? AS now, value ->> 0 AS place, value ->> 1 AS error FROM json_each(?))
UPDATE queue_jobs SET
    state = 'failed', finished_at = now, lease_expires_at = NULL,
    errors = json_insert(
        CASE
            WHEN NOT coalesce(json_valid(errors), 0) THEN '[]'
            WHEN json_type(errors) <> 'array' THEN '[]'
            WHEN json_array_length(errors) >= 100 THEN json_remove(errors, '$[1]')
            ELSE errors
        END,
        '$[#]', json_array(attempt, now, error)
    )
FROM broken
WHERE queue_jobs.place = broken.place AND +queue_jobs.state = 'running' AND queue_jobs.worker = ?
RETURNING queue
