-- Counts the jobs that the statement before claimed from a queue.
UPDATE queue_queues SET available = available - changes(), running = running + changes() WHERE name = ? AND changes() > 0
