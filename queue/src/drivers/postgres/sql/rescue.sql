-- Takes back expired leases, the longest expired first: what was to be cancelled is, what is out of rescues fails, the rest is there again. Answers
-- each with its state; those that failed whole, and of those that are there again where they lie.
WITH clock AS MATERIALIZED (SELECT {schema}.queue_now($1::bigint) AS now),
expired AS MATERIALIZED (
    SELECT job.ctid AS place, job.cancel_requested, job.rescues + 1 >= $4::bigint AS is_last FROM {schema}.queue_jobs AS job
    WHERE job.state = 'running' AND job.lease_expires_at <= (SELECT now FROM clock) AND job.lease_expires_at > $2::bigint
    ORDER BY job.lease_expires_at
    LIMIT $3::bigint
    FOR UPDATE OF job SKIP LOCKED
),
back AS (
    UPDATE {schema}.queue_jobs AS job
    SET state = 'available', lease_expires_at = NULL, attempt = greatest(job.attempt - 1, 0), rescues = least(job.rescues + 1, 4294967295)
    FROM expired WHERE job.ctid = expired.place AND NOT expired.cancel_requested AND NOT expired.is_last
    RETURNING job.queue, job.priority, job.due_at, job.ctid::text AS place
),
gone AS (
    DELETE FROM {schema}.queue_jobs AS job USING expired
    WHERE job.ctid = expired.place AND (expired.cancel_requested OR expired.is_last)
    RETURNING job.*
),
ended AS (
    INSERT INTO {schema}.queue_ended (id, kind, version, queue, state, priority, due_at, attempt, max_attempts, budget, rescues, token, created_at,
        started_at, finished_at, unique_key, payload, tags, meta, errors, progress)
    SELECT id, kind, version, queue, CASE WHEN cancel_requested THEN 'cancelled' ELSE 'failed' END, priority, due_at, greatest(attempt - 1, 0),
        max_attempts, budget, least(rescues + 1, 4294967295), token, created_at, started_at, now, unique_key, payload, tags, meta,
        {schema}.queue_with_error(errors, attempt, now, CASE WHEN NOT cancel_requested THEN $5::text END), progress
    FROM gone, clock
    RETURNING *
),
counted AS (
    INSERT INTO {schema}.queue_counts (queue, running, available, failed, cancelled)
    SELECT queue, -count(*), count(*) FILTER (WHERE state = 'available'), count(*) FILTER (WHERE state = 'failed'),
        count(*) FILTER (WHERE state = 'cancelled')
    FROM (SELECT queue, 'available' AS state FROM back UNION ALL SELECT queue, state FROM ended) AS moved
    GROUP BY queue
)
SELECT NULL::uuid, NULL::text, NULL::bigint, queue, 'available', priority::bigint, due_at, NULL::bigint, NULL::bigint, NULL::bigint, NULL::bigint,
    NULL::bigint, NULL::bigint, NULL::uuid, NULL::text, NULL::text, NULL::text, NULL::text, NULL::text[], NULL::text, place
FROM back
UNION ALL
SELECT id, kind, version::bigint, queue, state, priority::bigint, due_at, attempt, max_attempts, rescues, created_at, started_at, finished_at, NULL,
    unique_key, payload, array_to_json(tags)::text, meta, errors, progress, NULL
FROM ended
