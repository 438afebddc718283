-- Keeps the counts of the queues: a JSON array of [name, how many more of each state, in the order of the columns]. No count goes below
-- zero: what a stranger stored was not counted.
INSERT INTO queue_queues (name, held, scheduled, available, running, retryable, completed, failed, cancelled)
SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6, value ->> 7, value ->> 8
FROM json_each(?) WHERE true
ON CONFLICT (name) DO UPDATE SET
    held      = max(held + excluded.held, 0),
    scheduled = max(scheduled + excluded.scheduled, 0),
    available = max(available + excluded.available, 0),
    running   = max(running + excluded.running, 0),
    retryable = max(retryable + excluded.retryable, 0),
    completed = max(completed + excluded.completed, 0),
    failed    = max(failed + excluded.failed, 0),
    cancelled = max(cancelled + excluded.cancelled, 0)
RETURNING name, held + scheduled + available + running + retryable + completed + failed + cancelled
