-- The live jobs that have these unique keys.
SELECT unique_key, id FROM {schema}.queue_jobs WHERE unique_key = ANY ($1::text[]) AND unique_key IS NOT NULL
