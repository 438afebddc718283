-- Adds up the counts where they are many, forgets cron ticks that were stored before a time, and removes workers that died: shown as long as the jobs that they
-- completed, and at least for the length of a lease. No count of a sum is kept that is nothing.
WITH clock AS MATERIALIZED (SELECT {schema}.queue_now($1::bigint) AS now),
summed AS (
    DELETE FROM {schema}.queue_counts
    WHERE ctid = ANY (ARRAY(SELECT ctid FROM {schema}.queue_counts LIMIT $5::bigint FOR UPDATE SKIP LOCKED))
        AND (SELECT count(*) FROM (SELECT FROM {schema}.queue_counts LIMIT $6::bigint) AS row) >= $6::bigint
    RETURNING *
),
counted AS (
    INSERT INTO {schema}.queue_counts (queue, held, scheduled, available, running, retryable, completed, failed, cancelled)
    SELECT queue, sum(held), sum(scheduled), sum(available), sum(running), sum(retryable), sum(completed), sum(failed), sum(cancelled)
    FROM summed GROUP BY queue
    HAVING sum(held) <> 0 OR sum(scheduled) <> 0 OR sum(available) <> 0 OR sum(running) <> 0 OR sum(retryable) <> 0 OR sum(completed) <> 0
        OR sum(failed) <> 0 OR sum(cancelled) <> 0
),
ticks AS (
    DELETE FROM {schema}.queue_ticks
    WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM {schema}.queue_ticks WHERE stored_at <= (SELECT now FROM clock) - $2::bigint ORDER BY stored_at LIMIT $4::bigint FOR UPDATE SKIP LOCKED
    ))
)
DELETE FROM {schema}.queue_workers WHERE seen_at + greatest(lease, $3::bigint) <= (SELECT now FROM clock)
