-- The jobs that fit, from an id on and below another one, in the order of a page.
SELECT id, kind, version, queue, state, priority, due_at, attempt, max_attempts, rescues, created_at, started_at, finished_at, worker,
    unique_key, payload, tags, meta, errors, progress
FROM queue_jobs
WHERE id >= ?1 AND id < ?2
/* fits */
ORDER BY id
LIMIT ?3
