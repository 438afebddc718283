-- Removes what is old. Ended jobs of some states that ended before a time each, the oldest first: answers how many. Cron ticks that were stored before
-- a time. Workers that died: shown as long as the jobs that they completed, and at least for the length of a lease. And adds up the counts where they are
-- many; no sum is kept that is nothing.
WITH clock AS MATERIALIZED (SELECT {schema}.queue_now($1::bigint) AS now),
old AS MATERIALIZED (
    SELECT job.place
    FROM clock, unnest($2::text[], $3::bigint[]) AS rule (state, keep) CROSS JOIN LATERAL (
        SELECT job.ctid AS place FROM {schema}.queue_ended AS job
        WHERE job.state = rule.state AND job.finished_at <= clock.now - rule.keep
        ORDER BY job.finished_at
        LIMIT $4::bigint
        FOR UPDATE OF job SKIP LOCKED
    ) AS job
    LIMIT $4::bigint
),
gone AS (DELETE FROM {schema}.queue_ended AS job USING old WHERE job.ctid = old.place RETURNING job.queue, job.state),
counted AS (
    INSERT INTO {schema}.queue_counts (queue, completed, failed, cancelled)
    SELECT queue, -count(*) FILTER (WHERE state = 'completed'), -count(*) FILTER (WHERE state = 'failed'), -count(*) FILTER (WHERE state = 'cancelled')
    FROM gone GROUP BY queue
),
summed AS (
    DELETE FROM {schema}.queue_counts
    WHERE ctid = ANY (ARRAY(SELECT ctid FROM {schema}.queue_counts LIMIT $7::bigint FOR UPDATE SKIP LOCKED))
        AND (SELECT count(*) FROM (SELECT FROM {schema}.queue_counts LIMIT $8::bigint) AS row) >= $8::bigint
    RETURNING *
),
added AS (
    INSERT INTO {schema}.queue_counts (queue, held, scheduled, available, running, retryable, completed, failed, cancelled)
    SELECT queue, sum(held), sum(scheduled), sum(available), sum(running), sum(retryable), sum(completed), sum(failed), sum(cancelled)
    FROM summed GROUP BY queue
    HAVING sum(held) <> 0 OR sum(scheduled) <> 0 OR sum(available) <> 0 OR sum(running) <> 0 OR sum(retryable) <> 0 OR sum(completed) <> 0
        OR sum(failed) <> 0 OR sum(cancelled) <> 0
),
ticks AS (
    DELETE FROM {schema}.queue_ticks
    WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM {schema}.queue_ticks WHERE stored_at <= (SELECT now FROM clock) - $5::bigint ORDER BY stored_at LIMIT $4::bigint FOR UPDATE SKIP LOCKED
    ))
),
workers AS (
    DELETE FROM {schema}.queue_workers WHERE seen_at + greatest(lease, $6::bigint) <= (SELECT now FROM clock)
)
SELECT count(*) FROM gone
