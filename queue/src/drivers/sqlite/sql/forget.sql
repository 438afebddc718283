-- Removes an ended job.
DELETE FROM queue_jobs WHERE place = ?
