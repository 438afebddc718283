-- Removes ended jobs of one state that ended before a time, the oldest first.
DELETE FROM queue_jobs
WHERE place IN (SELECT place FROM queue_jobs WHERE state = ? AND finished_at <= ? ORDER BY finished_at LIMIT ?)
RETURNING queue
