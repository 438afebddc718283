-- Removes the row of a worker that has stopped.
DELETE FROM queue_workers WHERE id = ?
