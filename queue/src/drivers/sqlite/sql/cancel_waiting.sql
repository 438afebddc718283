-- Cancels a waiting job.
UPDATE queue_jobs SET state = 'cancelled', finished_at = ? WHERE place = ?
