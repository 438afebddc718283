-- The state of a job, its queue, and the live job that has its unique key.
SELECT found.state, found.queue, found.unique_key, holder.id
FROM (
    SELECT state, queue, unique_key FROM {schema}.queue_jobs WHERE id = $1::uuid
    UNION ALL
    SELECT state, queue, unique_key FROM {schema}.queue_ended WHERE id = $1::uuid
) AS found
LEFT JOIN {schema}.queue_jobs AS holder ON holder.unique_key = found.unique_key AND holder.unique_key IS NOT NULL
