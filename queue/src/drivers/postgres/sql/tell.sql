-- Tells all who listen.
SELECT count(pg_notify($1::text, told)) FROM unnest($2::text[]) AS told
