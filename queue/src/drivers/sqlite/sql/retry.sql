-- Makes an ended job available again, with as many more attempts as its pusher gave. A fresh start: what killed its processes may be mended.
UPDATE queue_jobs SET
    state = 'available', due_at = ?, finished_at = NULL, max_attempts = min(max_attempts + budget, 4294967295), rescues = 0, cancel_requested = 0,
    is_parked = 0
WHERE place = ?
