-- Somebody writes. After 15 s in which nobody could, or a step of the clock, nobody takes back leases for another 15 s, so that every
-- live worker renews first.
WITH clock (now) AS (VALUES (?))
UPDATE queue_store SET
    rescue_from = CASE
        WHEN now - heard_at >= 15000000 OR heard_at > now + 1000000 THEN now + 15000000
        ELSE min(rescue_from, now + 15000000)
    END,
    heard_at = now
FROM clock
