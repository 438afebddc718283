//! The schema of a store: told, brought up, and printed.

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _};

use crate::place::{Place, on_both};
use crate::snapshot::alike;
use crate::store::{job, push, states};

/// The schemas as version 1 made them.
const SQLITE: [&str; 3] = [
    include_str!("../../queue/src/drivers/sqlite/migrations/0000_schema.sql"),
    include_str!("../../queue/src/drivers/sqlite/migrations/0001_jobs.sql"),
    "INSERT INTO queue_schema VALUES (1, 0)",
];
const POSTGRES: [&str; 3] = [
    include_str!("../../queue/src/drivers/postgres/migrations/0000_schema.sql"),
    include_str!("../../queue/src/drivers/postgres/migrations/0001_jobs.sql"),
    "INSERT INTO queue_schema VALUES (1, 0)",
];

/// Statements of a tool that is not this one.
async fn run(place: &Place, sql: &str) {
    match place {
        Place::File(folder) => {
            let options = SqliteConnectOptions::new().filename(folder.path().join("jobs.db")).create_if_missing(true);
            let mut connection = options.connect().await.unwrap();
            sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
            connection.close().await.unwrap();
        }
        Place::Schema(schema) => {
            let mut connection = schema.connect().await;
            sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
            connection.close().await.unwrap();
        }
    }
}

async fn of_version_1(place: &Place) {
    match place {
        Place::File(_) => {
            for sql in SQLITE {
                run(place, sql).await;
            }
        }
        Place::Schema(schema) => {
            for sql in POSTGRES {
                run(place, &sql.replace("{schema}", schema.name())).await;
            }
        }
    }
}

on_both! {
    async fn an_old_schema_is_told_and_brought_up(place) {
        of_version_1(&place).await;
        let check = place.craft("migrate --check").run().code(3);
        assert_eq!((check.out.as_str(), check.err.as_str()), ("the schema has version 1, and this program wants 2: run `craft migrate`\n", ""));
        place.craft("migrate --status").run().done();
        let looked = place.craft("queue:list").run();
        assert!(looked.code != Some(0) && looked.err.contains("migrate"), "{looked:?}");
        assert_eq!(place.craft("migrate").run().done(), "the schema has version 2 now\n");
        assert_eq!(place.craft("migrate --check").run().done(), "the schema is current: version 2\n");
        assert_eq!(place.craft("migrate").run().done(), "the schema has version 2 now\n");
        let status = place.craft("migrate --status -o json").run().json();
        assert_eq!(status, serde_json::json!({ "version": 2, "wanted": 2, "pending": false }));
        assert_eq!(place.craft("queue:list -o json").run().done(), "[]\n");
        place.craft("migrate --check --status").run().refused(2, &["--status"]);
    }

    async fn a_newer_schema_is_left_as_it_is(place) {
        place.open().await.close().await.unwrap();
        run(&place, "INSERT INTO queue_schema VALUES (99, 0)").await;
        for words in ["migrate", "migrate --check", "migrate --status"] {
            let ran = place.craft(words).run();
            assert!(!matches!(ran.code, Some(0 | 3)) && format!("{}{}", ran.out, ran.err).contains("newer"), "{words}: {ran:?}");
        }
        for words in ["queue:list", "queue:retry all --yes", "queue:push Purges"] {
            let ran = place.craft(words).run();
            assert!(ran.code != Some(0) && ran.out.is_empty() && ran.err.contains("99"), "{words}: {ran:?}");
        }
    }

    async fn the_printed_statements_make_a_store(place) {
        // It is not connected to: no store is there.
        let sql = place.craft("migrate:sql").run().done();
        run(&place, &sql).await;
        assert_eq!(place.craft("migrate --check").run().done(), "the schema is current: version 2\n");
        let driver = place.open().await;
        push(&driver, vec![job(1)]).await;
        assert_eq!(states(&driver).await, ["available"]);
        driver.close().await.unwrap();
        place.craft("queue:job 01900000-0000-7000-8000-000000000001").run().done();
    }

    async fn the_printed_statements_lead_on_from_version_1(place) {
        of_version_1(&place).await;
        let sql = place.craft("migrate:sql --from 1").run().done();
        run(&place, &sql).await;
        assert_eq!(place.craft("migrate --check").run().done(), "the schema is current: version 2\n");
        alike(if matches!(place, Place::File(_)) { "migrate-sql-sqlite" } else { "migrate-sql-postgres" }, &sql);
        // From the newest on there is nothing to do.
        place.craft("migrate:sql --from 2").run().done();
        place.craft("migrate:sql --from x").run().refused(2, &["--from"]);
    }
}
