-- Which of these leases ended their job: a token ends at most one run. Where completed jobs are removed at once, those did that are nowhere.
SELECT held.id, held.token
FROM unnest($1::uuid[], $2::bigint[]) AS held (id, token)
LEFT JOIN LATERAL (SELECT ended.id, ended.token FROM {schema}.queue_ended AS ended WHERE ended.id = held.id LIMIT 1) AS ended ON true
WHERE ended.token = held.token
    OR (NOT $3::boolean AND ended.id IS NULL AND NOT EXISTS (SELECT FROM {schema}.queue_jobs AS job WHERE job.id = held.id))
