-- As `jobs_failed.sql`, and only how many.
SELECT count(*) FROM queue_jobs
WHERE state IN ('failed', 'cancelled') AND state = ?4 AND id >= ?1 AND id < ?2
/* fits */
