-- As `jobs.sql`, of states that have an index of their own: a page of the jobs that failed, or were cancelled.
SELECT job.*
FROM (SELECT DISTINCT wanted.state FROM unnest($1::text[]) AS wanted (state)) AS wanted CROSS JOIN LATERAL (
    SELECT id, kind, version::bigint, queue, state, priority::bigint, due_at, attempt, max_attempts, rescues, created_at, started_at, finished_at, NULL::uuid,
        unique_key, payload, array_to_json(tags)::text, meta, errors, progress
    FROM {schema}.queue_ended AS ended
    WHERE ended.state IN ('failed', 'cancelled') AND ended.state = wanted.state AND ended.id > $5::uuid
        AND ($2::text[] IS NULL OR ended.kind = ANY ($2::text[]))
        AND ($3::text[] IS NULL OR ended.queue = ANY ($3::text[]))
        AND ($4::text[] IS NULL OR ended.tags && $4::text[])
    ORDER BY ended.id
    LIMIT $6::bigint
) AS job
ORDER BY job.id
LIMIT $6::bigint
