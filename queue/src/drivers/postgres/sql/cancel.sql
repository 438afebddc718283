-- Cancels a job that waits, and asks that a running one be cancelled. Answers what the job is then; nothing where it has ended.
-- The `|| ''` keeps the planner from an index of all running jobs, which is small only while the plan is made.
WITH clock AS MATERIALIZED (SELECT {schema}.queue_now($1::bigint) AS now),
running AS (UPDATE {schema}.queue_jobs SET cancel_requested = true WHERE id = $2::uuid AND state || '' = 'running' RETURNING id),
gone AS (DELETE FROM {schema}.queue_jobs WHERE id = $2::uuid AND state <> 'running' RETURNING *),
ended AS (
    INSERT INTO {schema}.queue_ended (id, kind, version, queue, state, priority, due_at, attempt, max_attempts, budget, rescues, token, created_at,
        started_at, finished_at, unique_key, payload, tags, meta, errors, progress)
    SELECT id, kind, version, queue, 'cancelled', priority, due_at, attempt, max_attempts, budget, rescues, token, created_at,
        started_at, now, unique_key, payload, tags, meta, errors, progress
    FROM gone, clock
),
counted AS (
    INSERT INTO {schema}.queue_counts (queue, held, scheduled, available, retryable, cancelled)
    SELECT queue, -(state = 'held')::integer, -(state = 'scheduled')::integer, -(state = 'available')::integer, -(state = 'retryable')::integer, 1
    FROM gone
)
SELECT 'running', (SELECT count(pg_notify($3::text, told)) FROM unnest($4::text[]) AS told) FROM running
UNION ALL
SELECT 'cancelled', 0 FROM gone
