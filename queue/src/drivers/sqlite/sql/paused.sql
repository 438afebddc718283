-- Counts a pause or resume, so that other processes see it.
UPDATE queue_store SET pauses = pauses + 1
