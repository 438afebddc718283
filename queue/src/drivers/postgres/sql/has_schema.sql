-- Whether the table of the versions is there. Looked up in the catalog: what a name stood for is remembered by a connection, also past the wait for a lock.
SELECT EXISTS (
    SELECT FROM pg_catalog.pg_class AS class JOIN pg_catalog.pg_namespace AS space ON space.oid = class.relnamespace
    WHERE space.nspname = trim(BOTH '"' FROM '{schema}') AND class.relname = 'queue_schema'
)
