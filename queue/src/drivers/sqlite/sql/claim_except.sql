-- As `claim.sql`, and leaves some jobs alone: a JSON array of [kind, from which version on], null for all of it.
WITH ask (lane, free, ahead, avoided) AS MATERIALIZED (
    SELECT column1, column2, column3, column4 FROM (VALUES (?, ?, ?, ?))
    WHERE NOT EXISTS (SELECT 1 FROM queue_queues WHERE name = column1 AND is_paused = 1)
),
left_alone (kind, version) AS MATERIALIZED (
    SELECT value ->> 0, coalesce(value ->> 1, 0) FROM ask, json_each(ask.avoided)
),
first AS MATERIALIZED (
    SELECT place, rescues FROM queue_jobs
    WHERE queue = (SELECT lane FROM ask) AND state = 'available' AND is_parked = 0
        AND NOT EXISTS (SELECT 1 FROM left_alone WHERE left_alone.kind = queue_jobs.kind AND queue_jobs.version >= left_alone.version)
    ORDER BY priority, due_at, id
    LIMIT (SELECT coalesce(max(free), 0) FROM ask)
),
ahead AS MATERIALIZED (
    SELECT place FROM queue_jobs
    WHERE queue = (SELECT lane FROM ask WHERE ahead > 0) AND state = 'available' AND is_parked = 0 AND rescues = 0
        AND NOT EXISTS (SELECT 1 FROM left_alone WHERE left_alone.kind = queue_jobs.kind AND queue_jobs.version >= left_alone.version)
    ORDER BY priority, due_at, id
    LIMIT (SELECT coalesce(max(ahead), 0) FROM ask) + (SELECT count(*) FROM first WHERE rescues = 0)
)
UPDATE queue_jobs
SET state = 'running', attempt = min(attempt, 4294967294) + 1, token = token % 9223372036854775807 + 1, worker = ?, started_at = ?, lease_expires_at = ?
WHERE place IN (SELECT place FROM first UNION SELECT place FROM ahead)
RETURNING place, id, kind, payload, version, attempt, max_attempts, rescues, priority, due_at, token
