-- The workers that were heard of.
SELECT id, name, host, pid, started_at, seen_at, queues, running, lease, state, kinds FROM queue_workers ORDER BY started_at, id
