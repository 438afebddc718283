-- Renews the leases of a worker, writes its row, and notes how far its runs are. Answers what the worker is told, and which leases are good. What a
-- transaction of the user holds is left as it is: waiting for it would cost the other leases.
-- The `|| ''` keeps the planner from an index of all running jobs, which is small only while the plan is made.
WITH clock AS MATERIALIZED (SELECT {schema}.queue_now($1::bigint) AS now),
heard AS (
    -- After 15 s in which nobody could write, nobody takes back leases for another 15 s, so that every live worker renews first. That the
    -- clock was set back is left to `heard.sql`.
    INSERT INTO {schema}.queue_store AS store (single, heard_at, rescue_from) SELECT 1, now, 0 FROM clock
    ON CONFLICT (single) DO UPDATE SET
        rescue_from = CASE WHEN excluded.heard_at - store.heard_at >= 15000000 THEN excluded.heard_at + 15000000 ELSE store.rescue_from END,
        heard_at = excluded.heard_at
    WHERE store.heard_at <= excluded.heard_at
),
gone AS (DELETE FROM {schema}.queue_workers WHERE id = $2::uuid AND $11::text = 'stopped'),
worker AS (
    INSERT INTO {schema}.queue_workers AS worker (id, name, host, pid, started_at, seen_at, queues, running, lease, state, kinds)
    SELECT $2::uuid, $3::text, $4::text, $5::bigint, $6::bigint, now, $7::text, $8::bigint, $9::bigint, $11::text, $14::text
    FROM clock WHERE $11::text <> 'stopped'
    ON CONFLICT (id) DO UPDATE SET
        name = excluded.name, host = excluded.host, pid = excluded.pid, started_at = excluded.started_at, seen_at = excluded.seen_at,
        queues = excluded.queues, kinds = excluded.kinds, running = excluded.running, lease = excluded.lease, state = excluded.state
    RETURNING worker.told
),
held AS MATERIALIZED (SELECT * FROM unnest($10::uuid[], $12::bigint[], $13::text[]) AS held (id, token, progress)),
good AS MATERIALIZED (
    SELECT job.id, job.token, job.cancel_requested
    FROM held JOIN {schema}.queue_jobs AS job ON job.id = held.id AND job.token = held.token AND job.state || '' = 'running'
),
free AS MATERIALIZED (
    SELECT job.ctid AS place, held.progress
    FROM held JOIN {schema}.queue_jobs AS job ON job.id = held.id AND job.token = held.token AND job.state || '' = 'running'
    FOR UPDATE OF job SKIP LOCKED
),
extended AS (
    UPDATE {schema}.queue_jobs AS job SET lease_expires_at = clock.now + $9::bigint, progress = coalesce(free.progress, job.progress)
    FROM free, clock WHERE job.ctid = free.place
)
SELECT NULL::uuid AS id, NULL::bigint AS token, false AS cancel_requested, told FROM worker
UNION ALL
SELECT id, token, cancel_requested, NULL FROM good
