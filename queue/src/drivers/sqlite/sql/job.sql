-- A job by its id.
SELECT id, kind, version, queue, state, priority, due_at, attempt, max_attempts, rescues, created_at, started_at, finished_at, worker,
    unique_key, payload, tags, meta, errors, progress
FROM queue_jobs WHERE id = ?
