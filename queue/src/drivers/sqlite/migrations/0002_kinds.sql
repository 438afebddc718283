-- The kinds that a worker knows, aliases too: a JSON array of texts.
ALTER TABLE queue_workers ADD COLUMN kinds TEXT NOT NULL DEFAULT '[]';
