-- Somebody writes. After 15 s in which nobody could, or a step of the clock, nobody takes back leases for another 15 s, so that every
-- live worker renews first. The row comes again where a stranger emptied the table.
INSERT INTO queue_store (only, heard_at, rescue_from) VALUES (1, ?, 0)
ON CONFLICT (only) DO UPDATE SET
    rescue_from = CASE
        WHEN excluded.heard_at - heard_at >= 15000000 OR heard_at > excluded.heard_at + 1000000 THEN excluded.heard_at + 15000000
        ELSE min(rescue_from, excluded.heard_at + 15000000)
    END,
    heard_at = excluded.heard_at
