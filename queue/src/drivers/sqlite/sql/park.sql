-- Sets aside those among the first jobs of a queue that are left alone: a JSON array of [kind, from which version on], null for all of it.
-- Set aside, they are not passed over at each fetch.
UPDATE queue_jobs SET is_parked = 1
WHERE place IN (
    SELECT place FROM (
        SELECT place, kind, version FROM queue_jobs
        WHERE queue = ? AND state = 'available' AND is_parked = 0
        ORDER BY priority, due_at, id
        LIMIT ?
    )
    JOIN json_each(?) AS avoided ON kind = avoided.value ->> 0 AND version >= coalesce(avoided.value ->> 1, 0)
)
