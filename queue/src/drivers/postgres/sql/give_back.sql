-- Gives back what a worker claimed after a time and never heard of, because the answer was lost: as if it had not been claimed.
WITH back AS (
    UPDATE {schema}.queue_jobs AS job SET state = 'available', lease_expires_at = NULL, attempt = greatest(job.attempt - 1, 0)
    WHERE job.state = 'running' AND job.lease_expires_at > $3::bigint AND job.worker = $1::uuid AND job.started_at > $2::bigint
    RETURNING job.queue, job.ctid::text AS place
),
counted AS (INSERT INTO {schema}.queue_counts (queue, running, available) SELECT queue, -count(*), count(*) FROM back GROUP BY queue)
SELECT queue, place FROM back
