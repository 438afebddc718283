-- A job by its id.
SELECT id, kind, version::bigint, queue, state, priority::bigint, due_at, attempt, max_attempts, rescues, created_at, started_at, NULL::bigint AS finished_at, worker,
    unique_key, payload, array_to_json(tags)::text, meta, errors, progress
FROM {schema}.queue_jobs WHERE id = $1::uuid
UNION ALL
SELECT id, kind, version::bigint, queue, state, priority::bigint, due_at, attempt, max_attempts, rescues, created_at, started_at, finished_at, NULL::uuid,
    unique_key, payload, array_to_json(tags)::text, meta, errors, progress
FROM {schema}.queue_ended WHERE id = $1::uuid
