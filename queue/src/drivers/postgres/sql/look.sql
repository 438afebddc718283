-- What may have changed: whether there is something to fetch from these queues, how often queues were paused, when the next job is due, which
-- running jobs shall be cancelled, and which queues there are.
SELECT
    EXISTS (
        SELECT FROM unnest($1::text[]) AS wanted (queue)
        CROSS JOIN LATERAL (
            SELECT FROM {schema}.queue_jobs AS job WHERE job.queue = wanted.queue AND job.state = 'available' LIMIT 1
        ) AS first
        WHERE NOT EXISTS (SELECT FROM {schema}.queue_paused AS paused WHERE paused.queue = wanted.queue)
    ),
    coalesce((SELECT pauses FROM {schema}.queue_store WHERE single = 1), 0),
    (SELECT due_at FROM {schema}.queue_jobs WHERE state IN ('scheduled', 'retryable') ORDER BY due_at LIMIT 1),
    ARRAY(SELECT id FROM {schema}.queue_jobs WHERE state = 'running' AND cancel_requested ORDER BY id LIMIT 1000),
    (SELECT json_agg(DISTINCT queue)::text FROM {schema}.queue_counts)
