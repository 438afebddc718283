-- Counts jobs that were just completed.
UPDATE queue_queues SET running = running - ended.jobs, completed = completed + ended.jobs
FROM (
    SELECT queue, count(*) AS jobs FROM queue_jobs WHERE place IN (VALUES /* row */ (?) /* end of row */) GROUP BY queue
) AS ended
WHERE name = ended.queue
