-- Completes jobs under leases that are good, and claims others from queues that are not paused: any jobs for the free slots, and ahead of them so
-- many more that were never rescued. What is claimed from is a list of ranges of the index, in its order. Materialised, so that no plan can claim
-- more; by their place, so that no plan needs to look for a row. A row without a place is a job that was not completed.
-- The `|| ''` keeps the planner from an index of all running jobs, which is small only while the plan is made.
WITH clock AS MATERIALIZED (SELECT {schema}.queue_now($1::bigint) AS now),
held AS MATERIALIZED (
    SELECT held.place::tid AS place, held.id, held.token FROM unnest($2::text[], $3::uuid[], $4::bigint[]) AS held (place, id, token)
),
gone AS (
    DELETE FROM {schema}.queue_jobs AS job USING held
    WHERE job.ctid = held.place AND job.id IS NOT DISTINCT FROM held.id AND job.token = held.token AND job.state || '' = 'running'
    RETURNING job.*
),
kept AS (
    INSERT INTO {schema}.queue_ended (id, kind, version, queue, state, priority, due_at, attempt, max_attempts, budget, rescues, token, created_at,
        started_at, finished_at, unique_key, payload, tags, meta, errors, progress)
    SELECT id, kind, version, queue, 'completed', priority, due_at, attempt, max_attempts, budget, rescues, token, created_at,
        started_at, now, unique_key, payload, tags, meta, errors, progress
    FROM gone, clock WHERE $5::boolean
),
asked AS MATERIALIZED (
    -- As many more are looked at as were rescued, because of those no more are claimed than there are free slots.
    SELECT asked.queue, asked.free, asked.ahead, asked.free + asked.ahead + CASE WHEN asked.ahead > 0 THEN (
        SELECT count(*) FROM (
            SELECT FROM {schema}.queue_jobs AS job WHERE job.queue = asked.queue AND job.state = 'available' AND job.rescues > 0 LIMIT 1000
        ) AS rescued
    ) ELSE 0 END AS most
    FROM unnest($6::text[], $7::bigint[], $8::bigint[]) AS asked (queue, free, ahead)
    WHERE NOT EXISTS (SELECT FROM {schema}.queue_paused AS paused WHERE paused.queue = asked.queue)
),
part AS MATERIALIZED (
    SELECT part.queue, part.priority::smallint AS priority, part.due_at, part.id, part.below::integer AS below, part.number
    FROM unnest($9::text[], $10::bigint[], $11::bigint[], $12::uuid[], $13::bigint[]) WITH ORDINALITY
        AS part (queue, priority, due_at, id, below, number)
),
avoided AS MATERIALIZED (SELECT avoided.kind, avoided.version FROM unnest($14::text[], $15::bigint[]) AS avoided (kind, version)),
known AS MATERIALIZED (SELECT known.place::tid AS place FROM unnest($18::text[]) AS known (place)),
found AS MATERIALIZED (
    SELECT asked.queue, asked.free, asked.ahead, job.*
    FROM asked CROSS JOIN LATERAL (
        -- Those that are known to lie behind the parts come first; hidden from the indexes, so that they are found by their place.
        SELECT job.*
        FROM (
            SELECT job.ctid AS place, job.rescues, job.priority, job.due_at, job.id
            FROM known JOIN {schema}.queue_jobs AS job ON job.ctid = known.place
            WHERE job.queue || '' = asked.queue AND job.state || '' = 'available'
                AND coalesce(job.version < (SELECT min(avoided.version) FROM avoided WHERE avoided.kind = job.kind), true)
            LIMIT asked.most
            FOR UPDATE OF job SKIP LOCKED
        ) AS job
        UNION ALL
        SELECT job.*
        FROM (SELECT * FROM part WHERE part.queue = asked.queue ORDER BY part.number) AS part CROSS JOIN LATERAL (
            SELECT job.ctid AS place, job.rescues, job.priority, job.due_at, job.id
            FROM {schema}.queue_jobs AS job
            WHERE job.queue = asked.queue AND job.state = 'available'
                AND (job.priority, job.due_at, job.id) > (part.priority, part.due_at, part.id) AND job.priority < part.below
                AND coalesce(job.version < (SELECT min(avoided.version) FROM avoided WHERE avoided.kind = job.kind), true)
            ORDER BY job.priority, job.due_at, job.id
            LIMIT asked.most
            FOR UPDATE OF job SKIP LOCKED
        ) AS job
        LIMIT asked.most
    ) AS job
),
ranked AS MATERIALIZED (
    SELECT found.*, row_number() OVER line AS rank, count(*) FILTER (WHERE rescues = 0) OVER line AS fresh_rank
    FROM found WINDOW line AS (PARTITION BY queue ORDER BY priority, due_at, id)
),
chosen AS MATERIALIZED (
    SELECT place, rank <= free OR (
        rescues = 0 AND fresh_rank <= ahead + count(*) FILTER (WHERE rescues = 0 AND rank <= free) OVER (PARTITION BY queue)
    ) AS is_claimed
    FROM ranked
),
claimed AS (
    UPDATE {schema}.queue_jobs AS job
    SET state = 'running', attempt = least(job.attempt, 4294967294) + 1, token = job.token % 9223372036854775807 + 1, worker = $16::uuid,
        started_at = clock.now, lease_expires_at = clock.now + $17::bigint
    FROM chosen, clock
    WHERE job.ctid = chosen.place AND chosen.is_claimed
    RETURNING job.ctid::text AS place, job.id, job.queue, job.kind, job.payload, job.version::bigint, job.attempt, job.max_attempts, job.rescues,
        job.priority::bigint, job.due_at, job.token, job.started_at
),
counted AS (
    INSERT INTO {schema}.queue_counts (queue, available, running, completed)
    SELECT queue, -sum(claimed), sum(claimed) - sum(ended), sum(kept)
    FROM (
        SELECT queue, 1 AS claimed, 0 AS ended, 0 AS kept FROM claimed
        UNION ALL
        SELECT queue, 0, 1, $5::boolean::integer FROM gone
    ) AS moved
    GROUP BY queue
)
SELECT * FROM claimed
UNION ALL
SELECT NULL, held.id, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, held.token, NULL
FROM held WHERE NOT EXISTS (SELECT FROM gone WHERE gone.id = held.id)
