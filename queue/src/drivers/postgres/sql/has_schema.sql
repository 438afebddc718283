-- Whether the table of the versions is there.
SELECT to_regclass('{schema}.queue_schema') IS NOT NULL
