-- Claims a job that waits and is not held, due or not and paused or not. Answers it as `exchange.sql` does.
-- The `|| ''` keeps the planner from the indexes of those that wait.
WITH clock AS MATERIALIZED (SELECT {schema}.queue_now($1::bigint) AS now),
found AS MATERIALIZED (
    SELECT job.ctid AS place, job.state FROM {schema}.queue_jobs AS job
    WHERE job.id = $2::uuid AND job.state || '' IN ('scheduled', 'available', 'retryable')
    FOR UPDATE OF job
),
claimed AS (
    UPDATE {schema}.queue_jobs AS job
    SET state = 'running', attempt = least(job.attempt, 4294967294) + 1, token = job.token % 9223372036854775807 + 1, worker = $3::uuid,
        started_at = clock.now, lease_expires_at = clock.now + $4::bigint
    FROM found, clock
    WHERE job.ctid = found.place
    RETURNING job.ctid::text AS place, job.id, job.queue, job.kind, job.payload, job.version::bigint, job.attempt, job.max_attempts, job.rescues,
        job.priority::bigint, job.due_at, job.token, found.state AS was
),
counted AS (
    INSERT INTO {schema}.queue_counts (queue, scheduled, available, retryable, running)
    SELECT queue, -(was = 'scheduled')::integer, -(was = 'available')::integer, -(was = 'retryable')::integer, 1 FROM claimed
)
SELECT * FROM claimed
