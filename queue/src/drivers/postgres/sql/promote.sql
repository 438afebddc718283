-- Makes available what is due, the longest due first. Answers from where to where how many jobs of a queue went, with the first of each; and
-- now, and when the next one is due.
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
    RETURNING job.queue, job.priority, job.due_at, due.state
),
counted AS (
    INSERT INTO {schema}.queue_counts (queue, available, scheduled, retryable)
    SELECT queue, count(*), -count(*) FILTER (WHERE state = 'scheduled'), -count(*) FILTER (WHERE state = 'retryable')
    FROM promoted GROUP BY queue
)
SELECT queue, priority::bigint, count(*) AS jobs, min(due_at) AS due_at FROM promoted GROUP BY queue, priority
UNION ALL
SELECT NULL, NULL, (SELECT now FROM clock), min(job.due_at) FROM {schema}.queue_jobs AS job
WHERE job.state IN ('scheduled', 'retryable') AND job.due_at > (SELECT now FROM clock)
