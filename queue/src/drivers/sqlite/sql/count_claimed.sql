-- Counts the jobs that the statement before claimed from a queue. Of those that were ended in the same commit the count comes after it.
INSERT INTO queue_queues (name, available, running) SELECT ?, -changes(), changes() WHERE changes() > 0
ON CONFLICT (name) DO UPDATE SET available = available + excluded.available, running = running + excluded.running
