-- Which of these leases ended their job: a token ends at most one run.
SELECT ended.id, ended.token
FROM unnest($1::uuid[], $2::bigint[]) AS held (id, token)
JOIN {schema}.queue_ended AS ended ON ended.id = held.id AND ended.token = held.token
