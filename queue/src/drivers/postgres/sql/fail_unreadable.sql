-- Fails jobs that a worker has claimed and nobody can read.
-- The `|| ''` keeps the planner from an index of all running jobs, which is small only while the plan is made.
WITH clock AS MATERIALIZED (SELECT {schema}.queue_now($1::bigint) AS now),
broken AS MATERIALIZED (SELECT * FROM unnest($2::uuid[], $3::text[]) AS broken (id, error)),
gone AS (
    DELETE FROM {schema}.queue_jobs AS job USING broken
    WHERE job.id = broken.id AND job.state || '' = 'running' AND job.worker = $4::uuid
    RETURNING job.*, broken.error
),
ended AS (
    INSERT INTO {schema}.queue_ended (id, kind, version, queue, state, priority, due_at, attempt, max_attempts, budget, rescues, token, created_at,
        started_at, finished_at, unique_key, payload, tags, meta, errors, progress)
    SELECT id, kind, version, queue, 'failed', priority, due_at, attempt, max_attempts, budget, rescues, token, created_at,
        started_at, now, unique_key, payload, tags, meta, {schema}.queue_with_error(errors, attempt, now, error), progress
    FROM gone, clock
),
counted AS (INSERT INTO {schema}.queue_counts (queue, running, failed) SELECT queue, -count(*), count(*) FROM gone GROUP BY queue)
SELECT queue FROM gone
