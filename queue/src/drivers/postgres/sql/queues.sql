-- The queues that exist.
SELECT coalesce(counted.queue, paused.queue), paused.queue IS NOT NULL
FROM (
    SELECT queue FROM {schema}.queue_counts GROUP BY queue
    HAVING sum(held) + sum(scheduled) + sum(available) + sum(running) + sum(retryable) + sum(completed) + sum(failed) + sum(cancelled) > 0
) AS counted
FULL JOIN {schema}.queue_paused AS paused ON paused.queue = counted.queue
ORDER BY 1
