-- The live jobs that have the unique keys of ended ones: a JSON array of places.
SELECT live.unique_key, live.id
FROM json_each(?) AS wanted
CROSS JOIN queue_jobs AS ended ON ended.place = wanted.value
CROSS JOIN queue_jobs AS live ON live.unique_key = ended.unique_key AND live.unique_key IS NOT NULL
    AND live.state NOT IN ('completed', 'failed', 'cancelled')
