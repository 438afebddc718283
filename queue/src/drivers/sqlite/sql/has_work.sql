-- Whether anything can be fetched from these queues.
SELECT EXISTS (
    SELECT 1
    FROM json_each(?) AS wanted
    JOIN queue_queues ON queue_queues.name = wanted.value AND is_paused = 0
    WHERE EXISTS (SELECT 1 FROM queue_jobs WHERE queue = wanted.value AND state = 'available' AND is_parked = 0)
)
