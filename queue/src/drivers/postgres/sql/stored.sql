-- Which of these ids are stored. A live one stays until the end of the transaction.
WITH live AS (SELECT id FROM {schema}.queue_jobs WHERE id = ANY ($1::uuid[]) FOR KEY SHARE)
SELECT id FROM live
UNION ALL
SELECT id FROM {schema}.queue_ended WHERE id = ANY ($1::uuid[])
