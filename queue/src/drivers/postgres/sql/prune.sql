-- Removes ended jobs of some states that ended before a time each, the oldest first. Answers how many.
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
)
SELECT count(*) FROM gone
