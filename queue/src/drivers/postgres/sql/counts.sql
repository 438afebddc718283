-- How many jobs are where, by queue, and for how long the oldest available one has been due: the first of each priority is looked up.
WITH RECURSIVE counted AS MATERIALIZED (
    SELECT queue, sum(held) AS held, sum(scheduled) AS scheduled, sum(available) AS available, sum(running) AS running,
        sum(retryable) AS retryable, sum(completed) AS completed, sum(failed) AS failed, sum(cancelled) AS cancelled
    FROM {schema}.queue_counts GROUP BY queue
),
lane AS MATERIALIZED (
    SELECT coalesce(counted.queue, paused.queue) AS queue, paused.queue IS NOT NULL AS is_paused,
        greatest(coalesce(held, 0), 0)::bigint AS held, greatest(coalesce(scheduled, 0), 0)::bigint AS scheduled,
        greatest(coalesce(available, 0), 0)::bigint AS available, greatest(coalesce(running, 0), 0)::bigint AS running,
        greatest(coalesce(retryable, 0), 0)::bigint AS retryable, greatest(coalesce(completed, 0), 0)::bigint AS completed,
        greatest(coalesce(failed, 0), 0)::bigint AS failed, greatest(coalesce(cancelled, 0), 0)::bigint AS cancelled
    FROM counted FULL JOIN {schema}.queue_paused AS paused ON paused.queue = counted.queue
),
first AS (
    SELECT lane.queue, (
        SELECT job.priority FROM {schema}.queue_jobs AS job WHERE job.queue = lane.queue AND job.state = 'available' ORDER BY job.priority LIMIT 1
    ) AS priority
    FROM lane
    UNION ALL
    SELECT first.queue, (
        SELECT job.priority FROM {schema}.queue_jobs AS job
        WHERE job.queue = first.queue AND job.state = 'available' AND job.priority > first.priority
        ORDER BY job.priority LIMIT 1
    )
    FROM first WHERE first.priority IS NOT NULL
),
oldest AS (
    SELECT first.queue, min((
        SELECT job.due_at FROM {schema}.queue_jobs AS job
        WHERE job.queue = first.queue AND job.state = 'available' AND job.priority = first.priority
        ORDER BY job.due_at LIMIT 1
    )) AS due_at
    FROM first WHERE first.priority IS NOT NULL GROUP BY first.queue
)
SELECT lane.queue, is_paused, held, scheduled, available, running, retryable, completed, failed, cancelled,
    {schema}.queue_now($1::bigint) - oldest.due_at
FROM lane LEFT JOIN oldest ON oldest.queue = lane.queue
WHERE is_paused OR held + scheduled + available + running + retryable + completed + failed + cancelled > 0
ORDER BY lane.queue
