-- Now, as this driver counts time.
SELECT {schema}.queue_now($1::bigint)
