-- What another process may have changed, apart from the jobs that are there to be fetched.
SELECT
    coalesce((SELECT max(number) FROM queue_queues), 0),
    coalesce((SELECT pauses FROM queue_store), 0),
    (SELECT min(due_at) FROM queue_jobs WHERE state IN ('scheduled', 'retryable'))
