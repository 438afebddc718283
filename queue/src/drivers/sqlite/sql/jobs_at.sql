-- Jobs by their places, a JSON array.
SELECT id, kind, version, queue, state, priority, due_at, attempt, max_attempts, rescues, created_at, started_at, finished_at, worker,
    unique_key, payload, tags, meta, errors, progress
FROM queue_jobs WHERE place IN (SELECT value FROM json_each(?))
