-- Lets a queue go on, and tells others of it. Answers whether it was paused.
WITH resumed AS (DELETE FROM {schema}.queue_paused WHERE queue = $1::text RETURNING queue),
counted AS (UPDATE {schema}.queue_store SET pauses = pauses + 1 FROM resumed)
SELECT EXISTS (SELECT FROM resumed), (SELECT count(pg_notify($2::text, told)) FROM resumed, unnest($3::text[]) AS told)
