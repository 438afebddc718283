-- Running jobs that shall be cancelled: a few at most, in an index of their own.
SELECT id FROM queue_jobs WHERE state = 'running' AND cancel_requested = 1 ORDER BY id LIMIT 1000
