-- Ends runs under leases that are good, in any way: a JSON array of
-- [place, id, token, state, when due (null: as it was), error, whether the attempt is given back, whether the job runs again].
-- Where a cancel was requested, what would run again is cancelled. Of the errors, the first and the last 99 are kept.
-- The `+` keeps SQLite from going over all running jobs by the index of their leases.
WITH ended AS MATERIALIZED (
    SELECT value ->> 0 AS place, unhex(value ->> 1) AS id, value ->> 2 AS token, value ->> 3 AS state, value ->> 4 AS due_at,
           value ->> 5 AS error, value ->> 6 AS gives_back, value ->> 7 AS is_again, ? AS now
    FROM json_each(?)
)
UPDATE queue_jobs SET
    state = iif(cancel_requested AND is_again, 'cancelled', ended.state),
    due_at = iif(cancel_requested AND is_again, queue_jobs.due_at, coalesce(ended.due_at, queue_jobs.due_at)),
    finished_at = iif((cancel_requested AND is_again) OR NOT is_again, now, NULL),
    lease_expires_at = NULL,
    attempt = max(attempt - gives_back, 0),
    errors = CASE
        WHEN error IS NULL THEN errors
        ELSE json_insert(
            CASE
                WHEN NOT coalesce(json_valid(errors), 0) THEN '[]'
                WHEN json_type(errors) <> 'array' THEN '[]'
                WHEN json_array_length(errors) >= 100 THEN json_remove(errors, '$[1]')
                ELSE errors
            END,
            '$[#]', json_array(attempt, now, error)
        )
    END
FROM ended
WHERE queue_jobs.place = ended.place AND queue_jobs.id = ended.id AND queue_jobs.token = ended.token AND +queue_jobs.state = 'running'
RETURNING id, token, queue, state, due_at
