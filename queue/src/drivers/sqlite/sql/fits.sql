-- What a filter says of a job, put into the statements that look for jobs: JSON arrays of states, kinds, queues and tags, and of the kinds,
-- queues and tags that it may not have; what is null fits all.
    AND (?6 IS NULL OR state IN (SELECT value FROM json_each(?6)))
    AND (?7 IS NULL OR kind IN (SELECT value FROM json_each(?7)))
    AND (?8 IS NULL OR queue IN (SELECT value FROM json_each(?8)))
    AND (?9 IS NULL OR EXISTS (
        SELECT 1 FROM json_each(iif(json_valid(tags), tags, '[]')) AS tag WHERE tag.value IN (SELECT value FROM json_each(?9))
    ))
    AND (?10 IS NULL OR kind NOT IN (SELECT value FROM json_each(?10)))
    AND (?11 IS NULL OR queue NOT IN (SELECT value FROM json_each(?11)))
    AND (?12 IS NULL OR NOT EXISTS (
        SELECT 1 FROM json_each(iif(json_valid(tags), tags, '[]')) AS tag WHERE tag.value IN (SELECT value FROM json_each(?12))
    ))
