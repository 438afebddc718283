-- As `next_jobs.sql`, among the jobs that failed, or were cancelled.
SELECT id FROM queue_jobs
WHERE state IN ('failed', 'cancelled') AND state = ?4 AND id >= ?1 AND id < ?2 AND length(id) = 16
ORDER BY id
LIMIT 1 OFFSET ?3
