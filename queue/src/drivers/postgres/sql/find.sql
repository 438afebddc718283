-- The states of jobs, and the live jobs that have their unique keys.
SELECT wanted.id, found.state, found.unique_key, holder.id
FROM unnest($1::uuid[]) AS wanted (id) CROSS JOIN LATERAL (
    SELECT state, unique_key FROM {schema}.queue_jobs AS live WHERE live.id = wanted.id
    UNION ALL
    SELECT state, unique_key FROM {schema}.queue_ended AS ended WHERE ended.id = wanted.id
    LIMIT 1
) AS found LEFT JOIN LATERAL (
    SELECT live.id FROM {schema}.queue_jobs AS live WHERE live.unique_key = found.unique_key AND live.unique_key IS NOT NULL LIMIT 1
) AS holder ON true
