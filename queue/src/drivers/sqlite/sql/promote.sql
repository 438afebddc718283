-- Makes available what is due, of one state.
UPDATE queue_jobs SET state = 'available'
WHERE place IN (
    SELECT place FROM queue_jobs
    WHERE state IN ('scheduled', 'retryable') AND state = ? AND due_at <= ?
    ORDER BY due_at
    LIMIT ?
)
RETURNING queue
