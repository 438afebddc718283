-- Notes how far runs are, under leases that are good: a JSON array of [place, id, token, [percent, message]].
-- The `+` keeps SQLite from going over all running jobs by the index of their leases.
WITH said AS MATERIALIZED (
    SELECT value ->> 0 AS place, unhex(value ->> 1) AS id, value ->> 2 AS token, value -> 3 AS progress FROM json_each(?)
)
UPDATE queue_jobs SET progress = said.progress
FROM said
WHERE queue_jobs.place = said.place AND queue_jobs.id = said.id AND queue_jobs.token = said.token AND +state = 'running'
