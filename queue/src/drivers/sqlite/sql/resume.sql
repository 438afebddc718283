-- Lets a queue go on.
UPDATE queue_queues SET is_paused = 0 WHERE name = ? AND is_paused = 1 RETURNING available
