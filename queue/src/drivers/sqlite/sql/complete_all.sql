-- Completes jobs, all of whose leases should be good: `all_good.sql` sees to it.
-- The `+` keeps SQLite from going over all running jobs by the index of their leases.
UPDATE queue_jobs SET state = 'completed', finished_at = ?, lease_expires_at = NULL
FROM (VALUES /* row */ (?, ?, ?) /* end of row */) AS held
WHERE place = held.column1 AND id = held.column2 AND token = held.column3 AND +state = 'running'
