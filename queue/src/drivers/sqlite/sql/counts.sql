-- How many jobs are where, by queue, and since when the oldest available one is due: the first of each priority is looked up.
SELECT name, is_paused, held, scheduled, available, running, retryable, completed, failed, cancelled, (
    WITH RECURSIVE priorities (priority) AS (
        SELECT min(priority) FROM queue_jobs WHERE queue = name AND state = 'available' AND is_parked = 0
        UNION ALL
        SELECT (
            SELECT min(priority) FROM queue_jobs
            WHERE queue = name AND state = 'available' AND is_parked = 0 AND priority > priorities.priority
        )
        FROM priorities WHERE priorities.priority IS NOT NULL
    )
    SELECT min(due_at) FROM (
        SELECT (
            SELECT min(due_at) FROM queue_jobs
            WHERE queue = name AND state = 'available' AND is_parked = 0 AND priority = priorities.priority
        ) AS due_at
        FROM priorities WHERE priorities.priority IS NOT NULL
        UNION ALL
        SELECT min(due_at) FROM queue_jobs WHERE queue = name AND state = 'available' AND is_parked = 1
    )
)
FROM queue_queues
ORDER BY name
