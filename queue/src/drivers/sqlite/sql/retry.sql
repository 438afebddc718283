-- Makes ended jobs available again, a JSON array of places, with as many more attempts as their pushers gave. A fresh start: what killed their
-- processes may be mended.
UPDATE queue_jobs SET
    state = 'available', due_at = ?, finished_at = NULL, max_attempts = min(max_attempts + budget, 4294967295), rescues = 0, cancel_requested = 0,
    is_parked = 0
WHERE place IN (SELECT value FROM json_each(?))
