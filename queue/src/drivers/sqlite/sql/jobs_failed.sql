-- As `jobs.sql`, of one state that has an index of its own: a page of the jobs that failed, or were cancelled.
SELECT id, kind, version, queue, state, priority, due_at, attempt, max_attempts, rescues, created_at, started_at, finished_at, worker,
    unique_key, payload, tags, meta, errors, progress
FROM queue_jobs
WHERE state IN ('failed', 'cancelled') AND state = ?1 AND id > ?5
    AND (?2 IS NULL OR kind IN (SELECT value FROM json_each(?2)))
    AND (?3 IS NULL OR queue IN (SELECT value FROM json_each(?3)))
    AND (?4 IS NULL OR EXISTS (
        SELECT 1 FROM json_each(iif(json_valid(tags), tags, '[]')) AS tag WHERE tag.value IN (SELECT value FROM json_each(?4))
    ))
ORDER BY id
LIMIT ?6
