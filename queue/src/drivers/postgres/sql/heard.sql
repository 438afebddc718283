-- Somebody looks after the jobs. After 15 s in which nobody could write, or a step of the clock, nobody takes back leases for another 15 s, so that
-- every live worker renews first. Where the clock was set back by more than a second, the leases end as much earlier, or those of dead workers
-- would seem alive for as long. Answers whether leases may be taken back, and how many dead rows the jobs have.
WITH clock AS MATERIALIZED (SELECT {schema}.queue_now($1::bigint) AS now),
before AS MATERIALIZED (SELECT heard_at FROM {schema}.queue_store WHERE single = 1 FOR UPDATE),
stepped AS (
    UPDATE {schema}.queue_jobs AS job SET lease_expires_at = greatest(job.lease_expires_at - (before.heard_at - clock.now), 0)
    FROM before, clock
    WHERE job.state = 'running' AND job.lease_expires_at IS NOT NULL AND before.heard_at > clock.now + 1000000
),
heard AS (
    INSERT INTO {schema}.queue_store AS store (single, heard_at, rescue_from) SELECT 1, now, 0 FROM clock
    ON CONFLICT (single) DO UPDATE SET
        rescue_from = CASE
            WHEN excluded.heard_at - store.heard_at >= 15000000 OR store.heard_at > excluded.heard_at + 1000000 THEN excluded.heard_at + 15000000
            ELSE least(store.rescue_from, excluded.heard_at + 15000000)
        END,
        heard_at = excluded.heard_at
    RETURNING heard_at >= rescue_from AS may_rescue
)
SELECT may_rescue, pg_stat_get_dead_tuples('{schema}.queue_jobs'::regclass) FROM heard
