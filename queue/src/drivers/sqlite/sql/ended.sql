-- Jobs of one state that ended behind a point and not after another, in that order. What is null fits all: JSON arrays of kinds, queues, tags.
WITH filter (kinds, lanes, words) AS MATERIALIZED (VALUES (?, ?, ?))
SELECT place, id, queue, finished_at
FROM queue_jobs, filter
WHERE state = ?
    AND (finished_at, place) > (?, ?)
    AND finished_at <= ?
    AND (kinds IS NULL OR kind IN (SELECT value FROM json_each(kinds)))
    AND (lanes IS NULL OR queue IN (SELECT value FROM json_each(lanes)))
    AND (words IS NULL OR EXISTS (
        SELECT 1 FROM json_each(iif(json_valid(tags), tags, '[]')) AS tag WHERE tag.value IN (SELECT value FROM json_each(words))
    ))
ORDER BY finished_at, place
LIMIT ?
