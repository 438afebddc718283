-- Takes back expired leases, the longest expired first: what was to be cancelled is, what is out of rescues fails, the rest is there again.
WITH clock (now, most, died) AS MATERIALIZED (SELECT column1, column2, column3 FROM (VALUES (?, ?, ?)))
UPDATE queue_jobs SET
    state = CASE WHEN cancel_requested THEN 'cancelled' WHEN rescues + 1 >= most THEN 'failed' ELSE 'available' END,
    finished_at = iif(cancel_requested OR rescues + 1 >= most, now, NULL),
    lease_expires_at = NULL,
    attempt = max(attempt - 1, 0),
    rescues = min(rescues + 1, 4294967295),
    errors = CASE
        WHEN cancel_requested OR rescues + 1 < most THEN errors
        ELSE json_insert(
            CASE
                WHEN NOT coalesce(json_valid(errors), 0) THEN '[]'
                WHEN json_type(errors) <> 'array' THEN '[]'
                WHEN json_array_length(errors) >= 100 THEN json_remove(errors, '$[1]')
                ELSE errors
            END,
            '$[#]', json_array(attempt, now, died)
        )
    END
FROM clock
WHERE place IN (
    SELECT place FROM queue_jobs
    WHERE state = 'running' AND lease_expires_at <= (SELECT now FROM clock WHERE now >= (SELECT rescue_from FROM queue_store))
    ORDER BY lease_expires_at
    LIMIT ?
)
RETURNING place, queue, state
