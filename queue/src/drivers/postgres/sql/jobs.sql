-- A page of jobs by id (the driver turns the order round for the newest first), and how far it was looked: from each place that is asked for the next so many rows, and of them those that fit. The last
-- row of a full look is answered also where it does not fit. What is null fits all: arrays of states, kinds, queues and tags, and of kinds, queues and
-- tags that do not fit.
SELECT id, kind, version::bigint, queue, state, priority::bigint, due_at, attempt, max_attempts, rescues, created_at, started_at, finished_at, worker,
    unique_key, CASE WHEN $16::boolean THEN payload END, array_to_json(tags)::text, meta, errors, progress, is_last
FROM (
    SELECT * FROM (
        SELECT id, kind, version, queue, state, priority, due_at, attempt, max_attempts, rescues, created_at, started_at, NULL::bigint AS finished_at,
            worker, unique_key, payload, tags, meta, errors, progress,
            row_number() OVER (ORDER BY id) = $10::bigint AS is_last
        FROM {schema}.queue_jobs WHERE $12::boolean AND id >= $8::uuid AND id <= $9::uuid
        ORDER BY id LIMIT $10::bigint
    ) AS live
    UNION ALL
    SELECT * FROM (
        SELECT id, kind, version, queue, state, priority, due_at, attempt, max_attempts, rescues, created_at, started_at, finished_at,
            NULL::uuid AS worker, unique_key, payload, tags, meta, errors, progress,
            row_number() OVER (ORDER BY id) = $11::bigint AS is_last
        FROM {schema}.queue_ended WHERE $13::boolean AND id >= $8::uuid AND id <= $9::uuid
        ORDER BY id LIMIT $11::bigint
    ) AS ended
    UNION ALL
    SELECT * FROM (
        SELECT id, kind, version, queue, state, priority, due_at, attempt, max_attempts, rescues, created_at, started_at, finished_at,
            NULL::uuid AS worker, unique_key, payload, tags, meta, errors, progress,
            row_number() OVER (ORDER BY id) = $11::bigint AS is_last
        FROM {schema}.queue_ended WHERE $14::boolean AND state = 'failed' AND id >= $8::uuid AND id <= $9::uuid
        ORDER BY id LIMIT $11::bigint
    ) AS failed
    UNION ALL
    SELECT * FROM (
        SELECT id, kind, version, queue, state, priority, due_at, attempt, max_attempts, rescues, created_at, started_at, finished_at,
            NULL::uuid AS worker, unique_key, payload, tags, meta, errors, progress,
            row_number() OVER (ORDER BY id) = $11::bigint AS is_last
        FROM {schema}.queue_ended WHERE $15::boolean AND state = 'cancelled' AND id >= $8::uuid AND id <= $9::uuid
        ORDER BY id LIMIT $11::bigint
    ) AS cancelled
) AS looked
WHERE is_last OR (($1::text[] IS NULL OR state = ANY ($1::text[]))
    AND ($2::text[] IS NULL OR kind = ANY ($2::text[]))
    AND ($3::text[] IS NULL OR queue = ANY ($3::text[]))
    AND ($4::text[] IS NULL OR tags && $4::text[])
    AND ($5::text[] IS NULL OR kind <> ALL ($5::text[]))
    AND ($6::text[] IS NULL OR queue <> ALL ($6::text[]))
    AND ($7::text[] IS NULL OR NOT coalesce(tags && $7::text[], false)))
ORDER BY id
LIMIT $17::bigint
