-- Times are microseconds since 1970 on the clock of the server: `to_timestamp(due_at / 1e6)` shows one. States, queues and kinds are the words
-- that logs and the command line use.

-- Jobs that have not ended: a small table, however many have.
CREATE TABLE {schema}.queue_jobs (
    id               uuid NOT NULL,
    kind             text NOT NULL,
    version          integer NOT NULL,
    queue            text NOT NULL,
    state            text NOT NULL,
    priority         smallint NOT NULL,
    due_at           bigint NOT NULL,
    attempt          bigint NOT NULL DEFAULT 0,
    max_attempts     bigint NOT NULL,
    budget           bigint NOT NULL,                -- what the pusher gave, which a retry by hand gives again
    rescues          bigint NOT NULL DEFAULT 0,
    token            bigint NOT NULL DEFAULT 0,      -- one more at each fetch, never less: the fence
    cancel_requested boolean NOT NULL DEFAULT false,
    created_at       bigint NOT NULL,
    started_at       bigint,
    lease_expires_at bigint,
    worker           uuid,
    unique_key       text,
    payload          text NOT NULL,                  -- JSON, byte for byte
    tags             text[],
    meta             text,                           -- a JSON object
    errors           text[],                         -- JSON arrays of attempt, at, message
    progress         text                            -- a JSON array: percent, message
) WITH (
    -- Rows live for seconds. Vacuum comes when thousands are dead, whatever else there is, and does not dawdle.
    autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0,
    autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 200000,
    autovacuum_analyze_scale_factor = 0.2, autovacuum_analyze_threshold = 10000
);

CREATE UNIQUE INDEX queue_jobs_id ON {schema}.queue_jobs (id);

-- What a fetch reads, in the order in which it claims.
CREATE INDEX queue_jobs_ready ON {schema}.queue_jobs (queue, priority, due_at, id) WHERE state = 'available';

-- Those among them whose worker died: a few at most.
CREATE INDEX queue_jobs_rescued ON {schema}.queue_jobs (queue) WHERE state = 'available' AND rescues > 0;

CREATE INDEX queue_jobs_due ON {schema}.queue_jobs (due_at) WHERE state IN ('scheduled', 'retryable');

CREATE INDEX queue_jobs_leases ON {schema}.queue_jobs (lease_expires_at) WHERE state = 'running';

CREATE INDEX queue_jobs_cancelled ON {schema}.queue_jobs (id) WHERE state = 'running' AND cancel_requested;

-- The key goes with the job out of this table, so it cannot outlive it.
CREATE UNIQUE INDEX queue_jobs_unique_key ON {schema}.queue_jobs (unique_key) WHERE unique_key IS NOT NULL;

-- Jobs that have ended, appended as they end and removed when they are old.
CREATE TABLE {schema}.queue_ended (
    id           uuid NOT NULL,
    kind         text NOT NULL,
    version      integer NOT NULL,
    queue        text NOT NULL,
    state        text NOT NULL,
    priority     smallint NOT NULL,
    due_at       bigint NOT NULL,
    attempt      bigint NOT NULL,
    max_attempts bigint NOT NULL,
    budget       bigint NOT NULL,
    rescues      bigint NOT NULL,
    token        bigint NOT NULL,
    created_at   bigint NOT NULL,
    started_at   bigint,
    finished_at  bigint NOT NULL,
    unique_key   text,
    payload      text NOT NULL,
    tags         text[],
    meta         text,
    errors       text[],
    progress     text
) WITH (
    -- A day of jobs: what is removed of it is made room again at once, in small bites.
    autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 10000,
    autovacuum_vacuum_insert_scale_factor = 0.1, autovacuum_vacuum_insert_threshold = 200000
);

CREATE UNIQUE INDEX queue_ended_id ON {schema}.queue_ended (id);

-- What is removed by its age.
CREATE INDEX queue_ended_finished ON {schema}.queue_ended (state, finished_at);

-- What somebody looks at, in the order of a list, among whatever many others ended well.
CREATE INDEX queue_ended_failed ON {schema}.queue_ended (state, id) WHERE state IN ('failed', 'cancelled');

-- How many jobs are where. Each commit adds what it changes, so that no two wait for one row; `maintain` adds the rows up. The sum is the count,
-- and a queue exists while it has a row here or is paused.
CREATE TABLE {schema}.queue_counts (
    queue     text NOT NULL,
    held      bigint NOT NULL DEFAULT 0,
    scheduled bigint NOT NULL DEFAULT 0,
    available bigint NOT NULL DEFAULT 0,
    running   bigint NOT NULL DEFAULT 0,
    retryable bigint NOT NULL DEFAULT 0,
    completed bigint NOT NULL DEFAULT 0,
    failed    bigint NOT NULL DEFAULT 0,
    cancelled bigint NOT NULL DEFAULT 0
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_cost_delay = 0);

-- The queues from which nothing is fetched.
CREATE TABLE {schema}.queue_paused (
    queue text PRIMARY KEY
);

CREATE TABLE {schema}.queue_workers (
    id         uuid PRIMARY KEY,
    name       text NOT NULL,
    host       text NOT NULL,
    pid        bigint NOT NULL,
    started_at bigint NOT NULL,
    seen_at    bigint NOT NULL,
    queues     text NOT NULL,                        -- a JSON array of [name, slots]
    running    bigint NOT NULL,
    lease      bigint NOT NULL,
    state      text NOT NULL,
    told       text                                  -- 'quiet' or 'restart', from outside
) WITH (fillfactor = 50);

CREATE TABLE {schema}.queue_ticks (
    entry     text NOT NULL,
    at        bigint NOT NULL,
    stored_at bigint NOT NULL,
    PRIMARY KEY (entry, at)
);

CREATE INDEX queue_ticks_stored ON {schema}.queue_ticks (stored_at);

-- One row: when somebody last wrote, from when on leases may be taken back, and how often a queue was paused or resumed.
CREATE TABLE {schema}.queue_store (
    single        integer PRIMARY KEY CHECK (single = 1),
    heard_at    bigint NOT NULL,
    rescue_from bigint NOT NULL,
    pauses      bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 10);

INSERT INTO {schema}.queue_store (single, heard_at, rescue_from)
VALUES (1, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint, 0);

-- Now, as this driver counts time; a test moves it.
CREATE FUNCTION {schema}.queue_now(moved bigint) RETURNS bigint LANGUAGE sql VOLATILE AS
$$ SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint + moved $$;

-- The errors of a job with one more, a JSON string; nothing more where that is null. The first and the last 99 are kept.
CREATE FUNCTION {schema}.queue_with_error(errors text[], attempt bigint, at bigint, message text) RETURNS text[] LANGUAGE sql IMMUTABLE AS
$$ SELECT CASE
    WHEN message IS NULL THEN errors
    WHEN cardinality(errors) >= 100 THEN errors[1:1] || errors[cardinality(errors) - 97:] || format('[%s,%s,%s]', attempt, at, message)
    ELSE coalesce(errors, '{}') || format('[%s,%s,%s]', attempt, at, message)
END $$;

-- A push from SQL: from a trigger, or from a program in another language. The job exists if the transaction commits; workers are told then. Where a live job
-- has the unique key, its id is the answer. It runs with the rights of its owner, so that whoever may call it can push and nothing else.
CREATE FUNCTION {schema}.queue_push(
    kind         text,
    payload      json DEFAULT '{}',
    queue        text DEFAULT 'default',
    delay        interval DEFAULT '0',
    priority     integer DEFAULT 100,
    max_attempts integer DEFAULT 20,
    version      integer DEFAULT 1,
    unique_key   text DEFAULT NULL,
    tags         text[] DEFAULT NULL,
    meta         json DEFAULT NULL
) RETURNS uuid LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS
$$
DECLARE
    now     bigint := {schema}.queue_now(0);
    due     bigint := now + greatest((extract(epoch FROM coalesce(delay, '0')) * 1000000)::bigint, 0);
    began   text := CASE WHEN due > now THEN 'scheduled' ELSE 'available' END;
    random  text := replace(gen_random_uuid()::text, '-', '');
    -- As the driver does: readable up to a length, and then its hash. Here a long one is refused, because Postgres has no such hash.
    taken   text := kind || ':' || unique_key;
    -- A UUID of version 7: the milliseconds, then what is random.
    pushed  uuid := (lpad(to_hex(now / 1000), 12, '0') || '7' || substr(random, 14))::uuid;
    winner  uuid;
    channel text := 'queue_' || trim(BOTH '"' FROM '{schema}');
BEGIN
    IF coalesce(kind, '') = '' THEN
        RAISE EXCEPTION 'queue_push: the kind is missing: it is the name of a job''s struct' USING ERRCODE = '22023';
    ELSIF coalesce(queue, '') = '' OR octet_length(queue) > 128 OR queue ~ '[[:cntrl:]]' THEN
        RAISE EXCEPTION 'queue_push: the queue of % has a name of 1 to 128 bytes without control characters', kind USING ERRCODE = '22023';
    ELSIF payload IS NULL OR json_typeof(payload) <> 'object' THEN
        RAISE EXCEPTION 'queue_push: the payload of % is a JSON object of its fields, {} for none', kind USING ERRCODE = '22023';
    ELSIF octet_length(payload::text) > 1048576 THEN
        RAISE EXCEPTION 'queue_push: the payload of % has % bytes and the limit is 1048576', kind, octet_length(payload::text) USING ERRCODE = '22023';
    ELSIF priority IS NULL OR priority NOT BETWEEN 0 AND 255 THEN
        RAISE EXCEPTION 'queue_push: the priority of % is from 0 to 255, and the lower goes first', kind USING ERRCODE = '22023';
    ELSIF max_attempts IS NULL OR max_attempts NOT BETWEEN 1 AND 1000 THEN
        RAISE EXCEPTION 'queue_push: max_attempts of % is from 1 to 1000', kind USING ERRCODE = '22023';
    ELSIF version IS NULL OR version NOT BETWEEN 0 AND 65535 THEN
        RAISE EXCEPTION 'queue_push: the version of % is from 0 to 65535', kind USING ERRCODE = '22023';
    ELSIF octet_length(unique_key) > 200 THEN
        RAISE EXCEPTION 'queue_push: the unique key of % has 200 bytes at most', kind USING ERRCODE = '22023';
    ELSIF meta IS NOT NULL AND json_typeof(meta) <> 'object' THEN
        RAISE EXCEPTION 'queue_push: meta of % is a JSON object', kind USING ERRCODE = '22023';
    END IF;
    LOOP
        INSERT INTO {schema}.queue_jobs AS job (id, kind, version, queue, state, priority, due_at, max_attempts, budget, created_at, unique_key, payload, tags, meta)
        VALUES (pushed, queue_push.kind, queue_push.version, queue_push.queue, began, queue_push.priority, due, queue_push.max_attempts,
            queue_push.max_attempts, now, taken, queue_push.payload::text, nullif(queue_push.tags, '{}'), queue_push.meta::text)
        ON CONFLICT DO NOTHING;
        EXIT WHEN FOUND;
        SELECT job.id INTO winner FROM {schema}.queue_jobs AS job WHERE job.unique_key = taken;
        IF FOUND THEN
            RETURN winner;
        END IF;
        -- Whoever had the key has ended meanwhile.
    END LOOP;
    INSERT INTO {schema}.queue_counts (queue, scheduled, available)
    VALUES (queue_push.queue, (began = 'scheduled')::integer, (began = 'available')::integer);
    PERFORM pg_notify(channel, 'work - ' || queue);
    IF began = 'scheduled' THEN
        PERFORM pg_notify(channel, 'due - ' || due);
    END IF;
    RETURN pushed;
END
$$;

REVOKE ALL ON FUNCTION {schema}.queue_push FROM PUBLIC;
