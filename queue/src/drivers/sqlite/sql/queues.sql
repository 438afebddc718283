-- The queues that exist.
SELECT name, is_paused FROM queue_queues ORDER BY name
