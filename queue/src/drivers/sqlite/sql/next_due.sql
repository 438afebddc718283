-- When the next job is due.
SELECT min(due_at) FROM queue_jobs WHERE state IN ('scheduled', 'retryable')
