-- Which names of this driver's schema a file has.
SELECT name FROM sqlite_schema
WHERE name IN ('queue_schema', 'queue_jobs', 'queue_queues', 'queue_workers', 'queue_ticks', 'queue_store')
ORDER BY name
