-- Cancels jobs that wait, and asks that running ones be cancelled, of which others are told. Answers what each is then; nothing of those that have ended.
-- The `|| ''` keeps the planner from an index of all running jobs, which is small only while the plan is made.
WITH clock AS MATERIALIZED (SELECT {schema}.queue_now($1::bigint) AS now),
wanted AS MATERIALIZED (SELECT * FROM unnest($2::uuid[], $4::text[]) AS wanted (id, told)),
running AS (
    UPDATE {schema}.queue_jobs AS job SET cancel_requested = true FROM wanted WHERE job.id = wanted.id AND job.state || '' = 'running'
    RETURNING job.id, wanted.told
),
gone AS (
    DELETE FROM {schema}.queue_jobs AS job USING wanted WHERE job.id = wanted.id AND job.state || '' <> 'running' RETURNING job.*
),
ended AS (
    INSERT INTO {schema}.queue_ended (id, kind, version, queue, state, priority, due_at, attempt, max_attempts, budget, rescues, token, created_at,
        started_at, finished_at, unique_key, payload, tags, meta, errors, progress)
    SELECT id, kind, version, queue, 'cancelled', priority, due_at, attempt, max_attempts, budget, rescues, token, created_at,
        started_at, now, unique_key, payload, tags, meta, errors, progress
    FROM gone, clock
),
counted AS (
    INSERT INTO {schema}.queue_counts (queue, held, scheduled, available, retryable, cancelled)
    SELECT queue, -count(*) FILTER (WHERE state = 'held'), -count(*) FILTER (WHERE state = 'scheduled'), -count(*) FILTER (WHERE state = 'available'),
        -count(*) FILTER (WHERE state = 'retryable'), count(*)
    FROM gone GROUP BY queue
)
SELECT id, 'running', CASE WHEN told IS NOT NULL THEN pg_notify($3::text, told)::text END FROM running
UNION ALL
SELECT id, 'cancelled', NULL FROM gone
