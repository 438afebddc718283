-- As `insert.sql`, for jobs that differ in id and payload only and are due at once.
INSERT INTO queue_jobs (created_at, due_at, kind, version, queue, state, priority, max_attempts, budget, id, payload)
SELECT ?, ?, ?, ?, ?, 'available', ?, ?, ?, column1, column2
FROM (VALUES /* row */ (?, ?) /* end of row */)
WHERE column1 IS NOT NULL
ON CONFLICT DO NOTHING
