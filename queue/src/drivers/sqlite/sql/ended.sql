-- Jobs of one state that ended behind a point and not after another, in that order. Kinds, queues and tags are JSON arrays, each bound twice;
-- what is null fits all. They stand in no table of their own, because with a join SQLite would sort all that ended for each batch.
SELECT place, id, queue, finished_at
FROM queue_jobs
WHERE state = ?
    AND (finished_at, place) > (?, ?)
    AND finished_at <= ?
    AND (? IS NULL OR kind IN (SELECT value FROM json_each(?)))
    AND (? IS NULL OR queue IN (SELECT value FROM json_each(?)))
    AND (? IS NULL OR EXISTS (
        SELECT 1 FROM json_each(iif(json_valid(tags), tags, '[]')) AS tag WHERE tag.value IN (SELECT value FROM json_each(?))
    ))
ORDER BY finished_at, place
LIMIT ?
