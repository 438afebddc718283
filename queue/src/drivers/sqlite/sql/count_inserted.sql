-- Counts the available jobs that the statement before stored in a queue.
INSERT INTO queue_queues (name, available) VALUES (?, changes())
ON CONFLICT (name) DO UPDATE SET available = available + excluded.available
