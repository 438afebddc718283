-- As `jobs.sql`, of jobs whose ids are known: those that fit, in the order of these ids.
SELECT job.id, kind, version::bigint, queue, state, priority::bigint, due_at, attempt, max_attempts, rescues, created_at, started_at, finished_at, worker,
    unique_key, CASE WHEN $9::boolean THEN payload END, array_to_json(tags)::text, meta, errors, progress
FROM unnest($8::uuid[]) WITH ORDINALITY AS wanted (id, place) CROSS JOIN LATERAL (
    SELECT * FROM (
        SELECT id, kind, version, queue, state, priority, due_at, attempt, max_attempts, rescues, created_at, started_at, NULL::bigint AS finished_at,
            worker, unique_key, payload, tags, meta, errors, progress
        FROM {schema}.queue_jobs AS live WHERE live.id = wanted.id
        UNION ALL
        SELECT id, kind, version, queue, state, priority, due_at, attempt, max_attempts, rescues, created_at, started_at, finished_at,
            NULL::uuid AS worker, unique_key, payload, tags, meta, errors, progress
        FROM {schema}.queue_ended AS ended WHERE ended.id = wanted.id
    ) AS found
    WHERE ($1::text[] IS NULL OR state = ANY ($1::text[]))
        AND ($2::text[] IS NULL OR kind = ANY ($2::text[]))
        AND ($3::text[] IS NULL OR queue = ANY ($3::text[]))
        AND ($4::text[] IS NULL OR tags && $4::text[])
        AND ($5::text[] IS NULL OR kind <> ALL ($5::text[]))
        AND ($6::text[] IS NULL OR queue <> ALL ($6::text[]))
        AND ($7::text[] IS NULL OR NOT coalesce(tags && $7::text[], false))
    LIMIT 1
) AS job
ORDER BY wanted.place
LIMIT $10::bigint
