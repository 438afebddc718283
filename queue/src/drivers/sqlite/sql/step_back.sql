-- The clock was set back by more than a second since somebody last wrote: the leases end as much earlier, or those of dead workers
-- would seem alive for as long.
UPDATE queue_jobs SET lease_expires_at = max(lease_expires_at - ((SELECT heard_at FROM queue_store) - ?), 0)
WHERE state = 'running' AND lease_expires_at IS NOT NULL AND (SELECT heard_at FROM queue_store) > ? + 1000000
