-- Changes nothing, and fails where nothing can be written.
UPDATE queue_store SET only = only WHERE false
