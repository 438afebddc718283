-- Which migrations this file has.
CREATE TABLE IF NOT EXISTS queue_schema (
    version    INTEGER PRIMARY KEY,
    applied_at INTEGER NOT NULL
) STRICT;
