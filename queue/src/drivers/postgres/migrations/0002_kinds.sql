-- Which kinds each worker knows: a JSON array. A worker of the release before writes none.
ALTER TABLE {schema}.queue_workers ADD COLUMN kinds text NOT NULL DEFAULT '[]';
