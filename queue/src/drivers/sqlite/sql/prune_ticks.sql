-- Forgets cron ticks that were stored before a time.
DELETE FROM queue_ticks
WHERE (entry, at) IN (SELECT entry, at FROM queue_ticks WHERE stored_at <= ? ORDER BY stored_at LIMIT ?)
