-- As `jobs.sql`, and only how many.
SELECT count(*) FROM queue_jobs
WHERE id >= ?1 AND id < ?2
/* fits */
