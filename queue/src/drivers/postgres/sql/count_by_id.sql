-- As `jobs_by_id.sql`: how many of these jobs fit.
SELECT count(*)
FROM unnest($8::uuid[]) AS wanted (id) CROSS JOIN LATERAL (
    SELECT * FROM (
        SELECT state, kind, queue, tags
        FROM {schema}.queue_jobs AS live WHERE live.id = wanted.id
        UNION ALL
        SELECT state, kind, queue, tags
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
