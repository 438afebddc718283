-- Pauses a queue, which may not exist yet.
INSERT INTO queue_queues (name, is_paused) VALUES (?, 1) ON CONFLICT (name) DO UPDATE SET is_paused = 1 WHERE is_paused = 0
