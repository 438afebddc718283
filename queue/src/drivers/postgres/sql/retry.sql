-- Makes ended jobs available again, with as many more attempts as their pushers gave. A fresh start: what killed their processes may be mended. One
-- whose unique key a live job has, or one before it got, is left as it is. Answers which are available.
-- The `|| ''` keeps the planner from the index of all that failed.
WITH clock AS MATERIALIZED (SELECT {schema}.queue_now($1::bigint) AS now),
wanted AS MATERIALIZED (
    SELECT *, array_position($2::uuid[], id) AS place FROM {schema}.queue_ended
    WHERE id = ANY ($2::uuid[]) AND state || '' IN ('failed', 'cancelled') ORDER BY id FOR UPDATE
),
back AS (
    INSERT INTO {schema}.queue_jobs (id, kind, version, queue, state, priority, due_at, attempt, max_attempts, budget, token, created_at, started_at,
        unique_key, payload, tags, meta, errors, progress)
    SELECT id, kind, version, queue, 'available', priority, now, attempt, least(max_attempts + budget, 4294967295), budget, token, created_at,
        started_at, unique_key, payload, tags, meta, errors, progress
    FROM wanted, clock ORDER BY place
    ON CONFLICT DO NOTHING
    RETURNING id, queue
),
gone AS (
    DELETE FROM {schema}.queue_ended AS ended USING back WHERE ended.id = back.id RETURNING ended.queue, ended.state
),
counted AS (
    INSERT INTO {schema}.queue_counts (queue, available, failed, cancelled)
    SELECT queue, count(*), -count(*) FILTER (WHERE state = 'failed'), -count(*) FILTER (WHERE state = 'cancelled') FROM gone GROUP BY queue
)
SELECT id, queue FROM back
