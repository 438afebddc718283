-- As `jobs_of.sql`, and only how many.
SELECT count(*) FROM queue_jobs
WHERE id IN (SELECT unhex(value) FROM json_each(?5))
/* fits */
