-- The live job that has a unique key.
SELECT id FROM queue_jobs
WHERE unique_key = ? AND unique_key IS NOT NULL AND state NOT IN ('completed', 'failed', 'cancelled')
