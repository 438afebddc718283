-- Asks that a running job be cancelled.
UPDATE queue_jobs SET cancel_requested = 1 WHERE place = ?
