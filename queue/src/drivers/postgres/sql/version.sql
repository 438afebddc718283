-- The version of the schema.
SELECT coalesce(max(version), 0)::bigint FROM {schema}.queue_schema
