-- Moves the end of leases that are good, and tells which of their jobs shall be cancelled.
-- The `+` keeps SQLite from going over all running jobs by the index of their leases.
UPDATE queue_jobs SET lease_expires_at = ?
FROM (VALUES /* row */ (?, ?, ?) /* end of row */) AS held
WHERE place = held.column1 AND id = held.column2 AND token = held.column3 AND +state = 'running'
RETURNING id, token, cancel_requested
