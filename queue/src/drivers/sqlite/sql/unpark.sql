-- Takes back what was set aside for others and is not left alone here; the kinds are looked up one after the other in their index.
WITH RECURSIVE ask (lane, avoided) AS MATERIALIZED (VALUES (?, ?)),
kinds (kind) AS (
    SELECT min(kind) FROM queue_jobs WHERE queue = (SELECT lane FROM ask) AND state = 'available' AND is_parked = 1
    UNION ALL
    SELECT (
        SELECT min(kind) FROM queue_jobs
        WHERE queue = (SELECT lane FROM ask) AND state = 'available' AND is_parked = 1 AND kind > kinds.kind
    )
    FROM kinds WHERE kinds.kind IS NOT NULL
),
wanted (kind, below) AS MATERIALIZED (
    SELECT kind, coalesce((SELECT min(coalesce(value ->> 1, 0)) FROM ask, json_each(ask.avoided) WHERE value ->> 0 = kind), 1000000)
    FROM kinds WHERE kind IS NOT NULL
)
UPDATE queue_jobs SET is_parked = 0
WHERE place IN (
    SELECT place FROM wanted CROSS JOIN queue_jobs
    ON queue = (SELECT lane FROM ask) AND state = 'available' AND is_parked = 1
        AND queue_jobs.kind = wanted.kind AND version < wanted.below
    LIMIT 1000
)
