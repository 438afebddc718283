-- One at a time brings the schema up to date.
SELECT pg_advisory_xact_lock(hashtextextended('queue_schema {schema}', 0)) IS NULL
