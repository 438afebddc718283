-- The first id that a look does not reach, which is given between which ids it lies and over how many jobs it goes.
SELECT id FROM queue_jobs
WHERE id >= ?1 AND id < ?2 AND length(id) = 16
ORDER BY id
LIMIT 1 OFFSET ?3
