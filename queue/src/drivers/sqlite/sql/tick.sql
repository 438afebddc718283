-- Notes a cron tick, unless it was noted before.
INSERT INTO queue_ticks (entry, at, stored_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING
