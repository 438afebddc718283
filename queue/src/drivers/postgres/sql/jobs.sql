-- A page of jobs by id. What is null fits all: arrays of states, kinds, queues and tags. A table none of whose states is asked for is not looked at.
SELECT * FROM (
    SELECT id, kind, version::bigint, queue, state, priority::bigint, due_at, attempt, max_attempts, rescues, created_at, started_at, NULL::bigint AS finished_at, worker,
        unique_key, payload, array_to_json(tags)::text, meta, errors, progress
    FROM {schema}.queue_jobs
    WHERE $7::boolean AND id > $5::uuid
        AND ($1::text[] IS NULL OR state = ANY ($1::text[]))
        AND ($2::text[] IS NULL OR kind = ANY ($2::text[]))
        AND ($3::text[] IS NULL OR queue = ANY ($3::text[]))
        AND ($4::text[] IS NULL OR tags && $4::text[])
    ORDER BY id
    LIMIT $6::bigint
) AS live
UNION ALL
SELECT * FROM (
    SELECT id, kind, version::bigint, queue, state, priority::bigint, due_at, attempt, max_attempts, rescues, created_at, started_at, finished_at, NULL::uuid,
        unique_key, payload, array_to_json(tags)::text, meta, errors, progress
    FROM {schema}.queue_ended
    WHERE $8::boolean AND id > $5::uuid
        AND ($1::text[] IS NULL OR state = ANY ($1::text[]))
        AND ($2::text[] IS NULL OR kind = ANY ($2::text[]))
        AND ($3::text[] IS NULL OR queue = ANY ($3::text[]))
        AND ($4::text[] IS NULL OR tags && $4::text[])
    ORDER BY id
    LIMIT $6::bigint
) AS ended
ORDER BY 1
LIMIT $6::bigint
