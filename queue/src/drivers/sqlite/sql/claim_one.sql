-- Claims a waiting job by its place, due or not, set aside or not, or one that was retried in the same transaction.
UPDATE queue_jobs SET
    state = 'running', attempt = min(attempt, 4294967294) + 1, token = token % 9223372036854775807 + 1, worker = ?, started_at = ?,
    lease_expires_at = ?, is_parked = 0
WHERE place = ?
RETURNING place, id, kind, payload, version, attempt, max_attempts, rescues, priority, due_at, token
