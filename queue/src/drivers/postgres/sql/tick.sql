-- Notes a cron tick, unless it was noted before.
INSERT INTO {schema}.queue_ticks (entry, at, stored_at) VALUES ($2::text, $3::bigint, {schema}.queue_now($1::bigint)) ON CONFLICT DO NOTHING RETURNING at
