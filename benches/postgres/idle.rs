//! How many statements a worker makes that has nothing to do.

use std::time::{Duration, Instant};

use queue::prelude::*;
use queue_benches::say;
use sqlx::{PgConnection, Row};

use super::options::Options;
use super::server::{Ended, Server};
use super::{Done, runtime};

/// For how long it is counted.
const SPAN: Duration = Duration::from_secs(60);
/// Until every statement was made once: the first time it is prepared, which is a transaction more; and until the server has counted that.
const COUNTED: Duration = Duration::from_secs(15);

pub(crate) fn measure(_: &Options, server: &Server) -> Done {
    let (statements, took) = runtime()?.block_on(async {
        let database = server.database().await;
        let queue = database.queue(Ended::Kept).await;
        let worker = Worker::builder(&queue, Container::builder().build()).start().await.expect("start");
        let mut connection = server.connect().await.expect("a connection");
        tokio::time::sleep(COUNTED).await;
        let (before, start) = (commits(&mut connection, database.name()).await, Instant::now());
        tokio::time::sleep(SPAN).await;
        let (after, took) = (commits(&mut connection, database.name()).await, start.elapsed());
        worker.shutdown(Duration::from_secs(1)).await;
        queue.shutdown().await.expect("nothing waits");
        server.drop(database).await;
        (after - before, took)
    });
    let a_second = statements as f64 / took.as_secs_f64();
    say(&format!("{:>44} | {a_second:.2} statements a second ({statements} in {} s) | goal 2", "an idle worker", took.as_secs()));
    Ok(())
}

/// How many transactions ended in a database: each statement of the driver is one.
async fn commits(connection: &mut PgConnection, database: &str) -> i64 {
    let text = "SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = $1";
    let row = sqlx::query(text).bind(database).fetch_one(connection).await.expect("a database");
    row.get(0)
}
