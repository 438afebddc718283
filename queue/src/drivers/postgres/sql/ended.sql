-- Jobs of one state that ended behind a point and not after another, in that order. Kinds, queues and tags are arrays; what is null fits all.
SELECT id, finished_at
FROM {schema}.queue_ended
WHERE state = $1::text AND finished_at >= $2::bigint AND (finished_at, id) > ($2::bigint, $3::uuid) AND finished_at <= $4::bigint
    AND ($5::text[] IS NULL OR kind = ANY ($5::text[]))
    AND ($6::text[] IS NULL OR queue = ANY ($6::text[]))
    AND ($7::text[] IS NULL OR tags && $7::text[])
ORDER BY finished_at, id
LIMIT $8::bigint
