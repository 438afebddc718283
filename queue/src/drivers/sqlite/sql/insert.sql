-- Stores jobs: those whose id is stored already, or whose unique key a live job has, are left out.
INSERT INTO queue_jobs
    (created_at, id, kind, version, queue, state, priority, due_at, max_attempts, budget, unique_key, payload, tags, meta)
SELECT ?, column1, column2, column3, column4, column5, column6, column7, column8, column8, column9, column10, column11, column12
FROM (VALUES /* row */ (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) /* end of row */)
WHERE column1 IS NOT NULL
ON CONFLICT DO NOTHING
