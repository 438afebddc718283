-- Removes queues that have no job and are not paused.
DELETE FROM queue_queues
WHERE number IN (
    SELECT number FROM queue_queues
    WHERE is_paused = 0 AND held | scheduled | available | running | retryable | completed | failed | cancelled = 0
    LIMIT ?
)
