-- Stores jobs: those whose id is stored already, or whose unique key a live job has, are left out. Answers how many were stored, when the first
-- of those that wait for a time is due, and tells others of it.
WITH clock AS MATERIALIZED (SELECT {schema}.queue_now($1::bigint) AS now),
pushed AS MATERIALIZED (
    SELECT pushed.*, clock.now, CASE WHEN pushed.at IS NULL THEN clock.now + pushed.delay ELSE greatest(pushed.at + $1::bigint, clock.now) END AS due_at
    FROM clock, unnest($2::uuid[], $3::text[], $4::bigint[], $5::text[], $6::boolean[], $7::bigint[], $8::bigint[], $9::bigint[], $10::bigint[],
        $11::text[], $12::text[], $13::text[], $14::text[])
        AS pushed (id, kind, version, queue, is_held, priority, delay, at, max_attempts, unique_key, payload, tags, meta)
),
stored AS (
    INSERT INTO {schema}.queue_jobs (id, kind, version, queue, state, priority, due_at, max_attempts, budget, created_at, unique_key, payload, tags, meta)
    SELECT id, kind, version, queue, CASE WHEN is_held THEN 'held' WHEN due_at > now THEN 'scheduled' ELSE 'available' END, priority, due_at,
        max_attempts, max_attempts, now, unique_key, payload,
        CASE WHEN tags IS NOT NULL THEN ARRAY(SELECT json_array_elements_text(tags::json)) END, meta
    FROM pushed
    WHERE NOT EXISTS (SELECT FROM {schema}.queue_ended AS ended WHERE ended.id = pushed.id)
    ON CONFLICT DO NOTHING
    RETURNING queue, state, due_at
),
counted AS (
    INSERT INTO {schema}.queue_counts (queue, held, scheduled, available)
    SELECT queue, count(*) FILTER (WHERE state = 'held'), count(*) FILTER (WHERE state = 'scheduled'), count(*) FILTER (WHERE state = 'available')
    FROM stored GROUP BY queue
)
SELECT count(*), min(due_at) FILTER (WHERE state = 'scheduled'),
    (SELECT count(pg_notify($15::text, told)) FROM unnest($16::text[]) AS told)
FROM stored
