-- Pauses a queue, which may not exist yet, and tells others of it. Answers whether it was not.
WITH paused AS (INSERT INTO {schema}.queue_paused (queue) VALUES ($1::text) ON CONFLICT DO NOTHING RETURNING queue),
counted AS (UPDATE {schema}.queue_store SET pauses = pauses + 1 FROM paused)
SELECT EXISTS (SELECT FROM paused), (SELECT count(pg_notify($2::text, told)) FROM paused, unnest($3::text[]) AS told)
