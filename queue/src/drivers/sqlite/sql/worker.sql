-- Writes the row of a worker; what it was told from outside stays.
INSERT INTO queue_workers (id, name, host, pid, started_at, seen_at, queues, kinds, running, lease, state)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (id) DO UPDATE SET
    name = excluded.name, host = excluded.host, pid = excluded.pid, started_at = excluded.started_at, seen_at = excluded.seen_at,
    queues = excluded.queues, kinds = excluded.kinds, running = excluded.running, lease = excluded.lease, state = excluded.state
RETURNING told
