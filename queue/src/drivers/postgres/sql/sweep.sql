-- The first jobs that may be claimed from a queue, wherever a claim would begin, and where they lie.
WITH avoided AS MATERIALIZED (SELECT avoided.kind, avoided.version FROM unnest($2::text[], $3::bigint[]) AS avoided (kind, version))
SELECT job.ctid::text, job.priority::bigint, job.due_at, job.id
FROM {schema}.queue_jobs AS job
WHERE job.queue = $1::text AND job.state = 'available'
    AND coalesce(job.version < (SELECT min(avoided.version) FROM avoided WHERE avoided.kind = job.kind), true)
ORDER BY job.priority, job.due_at, job.id
LIMIT $4::bigint
