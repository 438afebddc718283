-- As `jobs.sql`: how many of the next rows fit, up to the nearest end of a full look, which is answered, too.
WITH looked AS MATERIALIZED (
    SELECT id, is_last, ($1::text[] IS NULL OR state = ANY ($1::text[]))
        AND ($2::text[] IS NULL OR kind = ANY ($2::text[]))
        AND ($3::text[] IS NULL OR queue = ANY ($3::text[]))
        AND ($4::text[] IS NULL OR tags && $4::text[])
        AND ($5::text[] IS NULL OR kind <> ALL ($5::text[]))
        AND ($6::text[] IS NULL OR queue <> ALL ($6::text[]))
        AND ($7::text[] IS NULL OR NOT coalesce(tags && $7::text[], false)) AS fits
    FROM (
        SELECT * FROM (
            SELECT id, state, kind, queue, tags,
                row_number() OVER (ORDER BY id) = $10::bigint AS is_last
            FROM {schema}.queue_jobs WHERE $12::boolean AND id >= $8::uuid AND id <= $9::uuid
            ORDER BY id LIMIT $10::bigint
        ) AS live
        UNION ALL
        SELECT * FROM (
            SELECT id, state, kind, queue, tags,
                row_number() OVER (ORDER BY id) = $11::bigint AS is_last
            FROM {schema}.queue_ended WHERE $13::boolean AND id >= $8::uuid AND id <= $9::uuid
            ORDER BY id LIMIT $11::bigint
        ) AS ended
        UNION ALL
        SELECT * FROM (
            SELECT id, state, kind, queue, tags,
                row_number() OVER (ORDER BY id) = $11::bigint AS is_last
            FROM {schema}.queue_ended WHERE $14::boolean AND state = 'failed' AND id >= $8::uuid AND id <= $9::uuid
            ORDER BY id LIMIT $11::bigint
        ) AS failed
        UNION ALL
        SELECT * FROM (
            SELECT id, state, kind, queue, tags,
                row_number() OVER (ORDER BY id) = $11::bigint AS is_last
            FROM {schema}.queue_ended WHERE $15::boolean AND state = 'cancelled' AND id >= $8::uuid AND id <= $9::uuid
            ORDER BY id LIMIT $11::bigint
        ) AS cancelled
    ) AS looked
),
reached AS MATERIALIZED (SELECT id FROM looked WHERE is_last ORDER BY id LIMIT 1)
SELECT (SELECT id FROM reached), count(*) FROM looked WHERE fits AND id <= coalesce((SELECT id FROM reached), $9::uuid)
