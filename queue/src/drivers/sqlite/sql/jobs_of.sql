-- Of some jobs those that fit, in no order: a JSON array of ids.
SELECT id, kind, version, queue, state, priority, due_at, attempt, max_attempts, rescues, created_at, started_at, finished_at, worker,
    unique_key, payload, tags, meta, errors, progress
FROM queue_jobs
WHERE id IN (SELECT unhex(value) FROM json_each(?5))
/* fits */
