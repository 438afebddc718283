-- The jobs that run, which have an index of their own.
SELECT id FROM queue_jobs WHERE state = 'running' AND lease_expires_at >= -9223372036854775807 LIMIT ?
