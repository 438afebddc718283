-- Removes ended jobs. Answers which, and what each was.
WITH gone AS (DELETE FROM {schema}.queue_ended WHERE id = ANY ($1::uuid[]) RETURNING id, queue, state),
counted AS (
    INSERT INTO {schema}.queue_counts (queue, completed, failed, cancelled)
    SELECT queue, -count(*) FILTER (WHERE state = 'completed'), -count(*) FILTER (WHERE state = 'failed'), -count(*) FILTER (WHERE state = 'cancelled')
    FROM gone GROUP BY queue
)
SELECT id, state FROM gone
