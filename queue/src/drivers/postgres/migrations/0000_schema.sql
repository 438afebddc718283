-- Which migrations this schema has. `{schema}` stands for its name in all statements of this driver.
CREATE SCHEMA IF NOT EXISTS {schema};

CREATE TABLE IF NOT EXISTS {schema}.queue_schema (
    version    integer PRIMARY KEY,
    applied_at bigint NOT NULL
);
