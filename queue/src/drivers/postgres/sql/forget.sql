-- Removes an ended job. Answers what it was.
WITH gone AS (DELETE FROM {schema}.queue_ended WHERE id = $1::uuid RETURNING queue, state),
counted AS (
    INSERT INTO {schema}.queue_counts (queue, completed, failed, cancelled)
    SELECT queue, -(state = 'completed')::integer, -(state = 'failed')::integer, -(state = 'cancelled')::integer FROM gone
)
SELECT state FROM gone
