-- Makes available what is due, the longest due first. Answers how many jobs of each queue that were, and where they lie; and now, and when the next
-- one is due.
WITH clock AS MATERIALIZED (SELECT {schema}.queue_now($1::bigint) AS now),
due AS MATERIALIZED (
    SELECT job.ctid AS place, job.state FROM {schema}.queue_jobs AS job
    WHERE job.state IN ('scheduled', 'retryable') AND job.due_at <= (SELECT now FROM clock) AND job.due_at > $2::bigint
    ORDER BY job.due_at
    LIMIT $3::bigint
    FOR UPDATE OF job SKIP LOCKED
),
promoted AS (
    UPDATE {schema}.queue_jobs AS job SET state = 'available' FROM due WHERE job.ctid = due.place
    RETURNING job.queue, job.ctid::text AS place, due.state
),
counted AS (
    INSERT INTO {schema}.queue_counts (queue, available, scheduled, retryable)
    SELECT queue, count(*), -count(*) FILTER (WHERE state = 'scheduled'), -count(*) FILTER (WHERE state = 'retryable')
    FROM promoted GROUP BY queue
)
SELECT queue, array_agg(place), count(*), NULL::bigint FROM promoted GROUP BY queue
UNION ALL
SELECT NULL, NULL, (SELECT now FROM clock), min(job.due_at) FROM {schema}.queue_jobs AS job
WHERE job.state IN ('scheduled', 'retryable') AND job.due_at > (SELECT now FROM clock)
