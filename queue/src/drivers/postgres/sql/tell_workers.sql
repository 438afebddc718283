-- Tells workers something that they heed at their next renewal: these, or all that live where there are none. Answers how many.
WITH told AS (
    UPDATE {schema}.queue_workers SET told = $2::text
    WHERE id = ANY ($3::uuid[]) OR (cardinality($3::uuid[]) = 0 AND {schema}.queue_now($1::bigint) < seen_at + lease)
    RETURNING id
)
SELECT count(*) FROM told
