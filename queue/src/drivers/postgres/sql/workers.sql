-- The workers that were heard of, and which of them live.
SELECT id, name, host, pid, started_at, seen_at, queues, running, lease, state, {schema}.queue_now($1::bigint) < seen_at + lease, kinds
FROM {schema}.queue_workers ORDER BY started_at, id
