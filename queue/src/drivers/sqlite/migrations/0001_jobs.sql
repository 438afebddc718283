-- Times are microseconds since 1970 on the clock of the machine. States, queues and kinds are the words that logs and the command line use.

CREATE TABLE queue_jobs (
    place            INTEGER PRIMARY KEY,
    id               BLOB NOT NULL,                  -- the 16 bytes of the UUID
    kind             TEXT NOT NULL,
    version          INTEGER NOT NULL,
    queue            TEXT NOT NULL,
    state            TEXT NOT NULL,
    priority         INTEGER NOT NULL,
    due_at           INTEGER NOT NULL,
    attempt          INTEGER NOT NULL DEFAULT 0,
    max_attempts     INTEGER NOT NULL,
    budget           INTEGER NOT NULL,               -- what the pusher gave, which a retry by hand gives again
    rescues          INTEGER NOT NULL DEFAULT 0,
    token            INTEGER NOT NULL DEFAULT 0,     -- one more at each fetch, never less: the fence
    is_parked        INTEGER NOT NULL DEFAULT 0,     -- available, of a kind that some worker leaves alone
    cancel_requested INTEGER NOT NULL DEFAULT 0,
    created_at       INTEGER NOT NULL,
    started_at       INTEGER,
    finished_at      INTEGER,                        -- set while the state is terminal, and only then
    lease_expires_at INTEGER,
    worker           BLOB,
    unique_key       TEXT,
    payload          ANY NOT NULL,                   -- JSON text, byte for byte
    tags             TEXT,                           -- a JSON array of texts
    meta             TEXT,                           -- a JSON object
    errors           TEXT,                           -- a JSON array of [attempt, at, message]
    progress         TEXT                            -- a JSON array: percent, message
) STRICT;

CREATE UNIQUE INDEX queue_jobs_id ON queue_jobs (id);

-- What a fetch reads, in the order in which it claims.
CREATE INDEX queue_jobs_ready ON queue_jobs (queue, priority, due_at, id) WHERE state = 'available' AND is_parked = 0;

-- Available jobs that some worker leaves alone, so that it need not pass over them at each fetch.
CREATE INDEX queue_jobs_parked ON queue_jobs (queue, kind, version, priority, due_at, id) WHERE state = 'available' AND is_parked = 1;
CREATE INDEX queue_jobs_parked_due ON queue_jobs (queue, due_at) WHERE state = 'available' AND is_parked = 1;

CREATE INDEX queue_jobs_due ON queue_jobs (due_at) WHERE state IN ('scheduled', 'retryable');

CREATE INDEX queue_jobs_leases ON queue_jobs (lease_expires_at) WHERE state = 'running';

CREATE INDEX queue_jobs_cancelled ON queue_jobs (id) WHERE state = 'running' AND cancel_requested = 1;

CREATE INDEX queue_jobs_ended ON queue_jobs (state, finished_at) WHERE finished_at IS NOT NULL;

-- What somebody looks at, in the order of a list, among whatever many others ended well.
CREATE INDEX queue_jobs_failed ON queue_jobs (state, id) WHERE state IN ('failed', 'cancelled');

-- The key goes with the state, so it cannot outlive its job.
CREATE UNIQUE INDEX queue_jobs_unique_key ON queue_jobs (unique_key)
    WHERE unique_key IS NOT NULL AND state NOT IN ('completed', 'failed', 'cancelled');

-- One row a queue that has jobs or is paused, with how many of them are where: counting never goes over the jobs.
CREATE TABLE queue_queues (
    number    INTEGER PRIMARY KEY,
    name      TEXT NOT NULL UNIQUE,
    is_paused INTEGER NOT NULL DEFAULT 0,
    held      INTEGER NOT NULL DEFAULT 0,
    scheduled INTEGER NOT NULL DEFAULT 0,
    available INTEGER NOT NULL DEFAULT 0,
    running   INTEGER NOT NULL DEFAULT 0,
    retryable INTEGER NOT NULL DEFAULT 0,
    completed INTEGER NOT NULL DEFAULT 0,
    failed    INTEGER NOT NULL DEFAULT 0,
    cancelled INTEGER NOT NULL DEFAULT 0
) STRICT;

-- Queues that may be swept.
CREATE INDEX queue_queues_empty ON queue_queues (number)
    WHERE is_paused = 0 AND held | scheduled | available | running | retryable | completed | failed | cancelled = 0;

CREATE TABLE queue_workers (
    id         BLOB PRIMARY KEY,
    name       TEXT NOT NULL,
    host       TEXT NOT NULL,
    pid        INTEGER NOT NULL,
    started_at INTEGER NOT NULL,
    seen_at    INTEGER NOT NULL,
    queues     TEXT NOT NULL,                        -- a JSON array of [name, slots]
    running    INTEGER NOT NULL,
    lease      INTEGER NOT NULL,
    state      TEXT NOT NULL,
    told       TEXT                                  -- 'quiet' or 'restart', from outside
) STRICT, WITHOUT ROWID;

CREATE TABLE queue_ticks (
    entry     TEXT NOT NULL,
    at        INTEGER NOT NULL,
    stored_at INTEGER NOT NULL,
    PRIMARY KEY (entry, at)
) STRICT, WITHOUT ROWID;

CREATE INDEX queue_ticks_stored ON queue_ticks (stored_at);

-- One row: when somebody last wrote, from when on leases may be taken back, and how often a queue was paused or resumed.
CREATE TABLE queue_store (
    only        INTEGER PRIMARY KEY CHECK (only = 1),
    heard_at    INTEGER NOT NULL,
    rescue_from INTEGER NOT NULL,
    pauses      INTEGER NOT NULL DEFAULT 0
) STRICT;

INSERT INTO queue_store (only, heard_at, rescue_from) VALUES (1, CAST(unixepoch('subsec') * 1000000 AS INTEGER), 0);
