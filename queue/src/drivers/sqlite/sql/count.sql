-- Keeps the counts of the queues: a JSON array of [name, how many more of each state, in the order of the columns].
INSERT INTO queue_queues (name, held, scheduled, available, running, retryable, completed, failed, cancelled)
SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6, value ->> 7, value ->> 8
FROM json_each(?) WHERE true
ON CONFLICT (name) DO UPDATE SET
    held      = held      + excluded.held,
    scheduled = scheduled + excluded.scheduled,
    available = available + excluded.available,
    running   = running   + excluded.running,
    retryable = retryable + excluded.retryable,
    completed = completed + excluded.completed,
    failed    = failed    + excluded.failed,
    cancelled = cancelled + excluded.cancelled
RETURNING name, held + scheduled + available + running + retryable + completed + failed + cancelled
