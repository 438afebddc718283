-- Ends runs under leases that are good, in any way. Where a cancel was requested, what would run again is cancelled. Tells what it ended, and as what.
-- The `|| ''` keeps the planner from an index of all running jobs, which is small only while the plan is made.
WITH clock AS MATERIALIZED (SELECT {schema}.queue_now($1::bigint) AS now),
outcome AS MATERIALIZED (
    SELECT * FROM unnest($2::uuid[], $3::bigint[], $4::text[], $5::bigint[], $6::text[], $7::bigint[], $8::boolean[])
        AS outcome (id, token, state, delay, error, given_back, is_again)
),
again AS (
    UPDATE {schema}.queue_jobs AS job
    SET state = outcome.state, due_at = coalesce(clock.now + outcome.delay, job.due_at), lease_expires_at = NULL,
        attempt = greatest(job.attempt - outcome.given_back, 0),
        errors = {schema}.queue_with_error(job.errors, job.attempt, clock.now, outcome.error)
    FROM outcome, clock
    WHERE job.id = outcome.id AND job.token = outcome.token AND job.state || '' = 'running' AND outcome.is_again AND NOT job.cancel_requested
    RETURNING job.id, job.token, job.queue, job.state, job.due_at, job.ctid::text
),
gone AS (
    DELETE FROM {schema}.queue_jobs AS job USING outcome
    WHERE job.id = outcome.id AND job.token = outcome.token AND job.state || '' = 'running' AND (NOT outcome.is_again OR job.cancel_requested)
    RETURNING job.*, CASE WHEN outcome.is_again THEN 'cancelled' ELSE outcome.state END AS ended_as, outcome.error, outcome.given_back
),
kept AS (
    INSERT INTO {schema}.queue_ended (id, kind, version, queue, state, priority, due_at, attempt, max_attempts, budget, rescues, token, created_at,
        started_at, finished_at, unique_key, payload, tags, meta, errors, progress)
    SELECT id, kind, version, queue, ended_as, priority, due_at, greatest(attempt - given_back, 0), max_attempts, budget, rescues, token, created_at,
        started_at, now, unique_key, payload, tags, meta, {schema}.queue_with_error(errors, attempt, now, error), progress
    FROM gone, clock WHERE $9::boolean OR ended_as <> 'completed'
),
counted AS (
    INSERT INTO {schema}.queue_counts (queue, running, available, scheduled, retryable, completed, failed, cancelled)
    SELECT queue, -count(*), count(*) FILTER (WHERE state = 'available'), count(*) FILTER (WHERE state = 'scheduled'),
        count(*) FILTER (WHERE state = 'retryable'), count(*) FILTER (WHERE state = 'completed' AND $9::boolean),
        count(*) FILTER (WHERE state = 'failed'), count(*) FILTER (WHERE state = 'cancelled')
    FROM (SELECT queue, state FROM again UNION ALL SELECT queue, ended_as FROM gone) AS moved
    GROUP BY queue
)
SELECT * FROM again
UNION ALL
SELECT id, token, queue, ended_as, NULL, NULL FROM gone
