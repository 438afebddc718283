-- A page of jobs by id. What is null or empty fits all: JSON arrays of states, kinds, queues and tags.
WITH filter (states, kinds, lanes, words) AS MATERIALIZED (VALUES (?, ?, ?, ?))
SELECT id, kind, version, queue, state, priority, due_at, attempt, max_attempts, rescues, created_at, started_at, finished_at, worker,
    unique_key, payload, tags, meta, errors, progress
FROM queue_jobs, filter
WHERE id > ?
    AND (states IS NULL OR state IN (SELECT value FROM json_each(states)))
    AND (kinds IS NULL OR kind IN (SELECT value FROM json_each(kinds)))
    AND (lanes IS NULL OR queue IN (SELECT value FROM json_each(lanes)))
    AND (words IS NULL OR EXISTS (
        SELECT 1 FROM json_each(iif(json_valid(tags), tags, '[]')) AS tag WHERE tag.value IN (SELECT value FROM json_each(words))
    ))
ORDER BY id
LIMIT ?
