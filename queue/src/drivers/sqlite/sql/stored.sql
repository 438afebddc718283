-- Which of these ids are stored, and where.
SELECT id, place FROM queue_jobs
WHERE id IN (SELECT column1 FROM (VALUES /* row */ (?) /* end of row */) WHERE column1 IS NOT NULL)
