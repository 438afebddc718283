-- As `jobs.sql`, of one state that has an index of its own: the jobs that failed, or were cancelled.
SELECT id, kind, version, queue, state, priority, due_at, attempt, max_attempts, rescues, created_at, started_at, finished_at, worker,
    unique_key, payload, tags, meta, errors, progress
FROM queue_jobs
WHERE state IN ('failed', 'cancelled') AND state = ?4 AND id >= ?1 AND id < ?2
/* fits */
ORDER BY id
LIMIT ?3
