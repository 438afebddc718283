-- Which jobs run, up to so many: by the index of their leases, which is small, however many wait.
SELECT id FROM {schema}.queue_jobs WHERE state = 'running' ORDER BY lease_expires_at LIMIT $1::bigint
