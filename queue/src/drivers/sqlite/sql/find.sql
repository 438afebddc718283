-- What an action on a job must know of it.
SELECT place, state, queue, unique_key FROM queue_jobs WHERE id = ?
