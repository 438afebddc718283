//! What those who wait on a handle hear of others: by looking, where nobody is told, and by listening.

#![expect(clippy::unwrap_used, reason = "a test says what it expects by failing")]

use std::sync::Arc;
use std::time::Duration;

use queue::drivers::{Driver, FetchRequest, Group, Inspect, NewJob, Postgres, QueueRequest, Settled, Settlement, Wake, WorkerId};
use queue::job::Outcome;
use queue_tests::postgres::Schema;
use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection, Executor, PgConnection};

/// How long an event may take that needs no time to pass.
const SOON: Duration = Duration::from_secs(30);

fn job(queue: &str) -> NewJob {
    NewJob::new("Plain", queue, b"{}")
}

async fn push(driver: &Postgres, jobs: Vec<NewJob>) {
    driver.push(&[Group { jobs, tick: None }]).await.pop().unwrap().unwrap();
}

async fn soon(what: &str, wake: impl Future<Output = Result<Wake, queue::Error>>) -> Wake {
    tokio::time::timeout(SOON, wake).await.unwrap_or_else(|_| panic!("{what}: nobody heard")).unwrap()
}

fn run(body: impl AsyncFnOnce(Schema)) {
    let Some(schema) = Schema::new() else { return };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async { body(schema).await });
}

#[test]
fn all_who_wait_on_a_handle_see_what_another_process_did() {
    run(async |schema| {
        let open = || Postgres::from_options(schema.plain_url().parse().unwrap()).schema(schema.name()).without_notify();
        let (here, there) = (open().await.unwrap(), open().await.unwrap());
        push(&there, vec![job("other")]).await;
        let (one, two): ([Arc<str>; 1], [Arc<str>; 1]) = (["mail".into()], ["default".into()]);
        // The first look tells each of them what there is.
        let (first, second) = (here.wake(&one), here.wake(&two));
        let (first, second) = tokio::join!(soon("the queue, by the first", first), soon("the queue, by the second", second));
        assert!(first.queues && second.queues);
        let (first, second) = (here.wake(&one), here.wake(&two));
        there.pause("elsewhere").await.unwrap();
        let (first, second) = tokio::join!(soon("the pause, by the first", first), soon("the pause, by the second", second));
        assert!(first.paused && second.paused);
    });
}

#[test]
fn a_follow_up_of_a_transaction_is_told_of_when_it_commits() {
    run(async |schema| {
        // So seldom is looked that only a word wakes.
        let open = Postgres::from_options(schema.plain_url().parse().unwrap()).schema(schema.name()).poll_every(SOON * 100);
        let driver = open.await.unwrap();
        push(&driver, vec![job("default")]).await;
        let queues = vec![QueueRequest { queue: "default".into(), free: 1, ahead: 0 }];
        let request = FetchRequest { worker: WorkerId::now_v7(), lease: SOON, queues, except: Vec::new() };
        let lease = driver.fetch(&request).await.unwrap()[0].lease;
        let settlement = Settlement { follow_ups: vec![job("next")], ..Settlement::new(lease, Outcome::Complete) };
        let next: [Arc<str>; 1] = ["next".into()];
        let mut user = schema.connect().await;
        let mut transaction = user.begin().await.unwrap();
        let wake = driver.wake(&next);
        assert_eq!(driver.settle_in(&mut transaction, vec![settlement]).await.unwrap(), [Settled::Stored]);
        transaction.commit().await.unwrap();
        assert!(soon("the follow-up", wake).await.work);
    });
}

/// As long after one notification of a queue as the driver waits with the next.
const INTERVAL: Duration = Duration::from_millis(20);

#[test]
fn many_pushes_are_few_notifications_and_the_last_one_is_told_of() {
    run(async |schema| {
        let driver = Postgres::from_options(schema.plain_url().parse().unwrap()).schema(schema.name()).await.unwrap();
        let mut listener = sqlx::postgres::PgListener::connect(schema.plain_url()).await.unwrap();
        listener.listen(&format!("queue_{}", schema.name())).await.unwrap();
        let mut heard = async || {
            let told = tokio::time::timeout(SOON, listener.recv()).await.expect("somebody is told").unwrap();
            told.payload().rsplit(' ').next().unwrap().to_owned()
        };
        let began = std::time::Instant::now();
        for _ in 0..500 {
            push(&driver, vec![job("default")]).await;
        }
        let took = began.elapsed();
        push(&driver, vec![job("last")]).await;
        let mut told = 0;
        while heard().await != "last" {
            told += 1;
        }
        // One at the start of each interval, and one that was owed.
        let most = took.as_millis() / INTERVAL.as_millis() + 2;
        assert!(told <= most, "{told} notifications in {took:?}");
        // The second of two is not told of with its commit, and yet is. An owed one of before may come first.
        push(&driver, vec![job("pair")]).await;
        push(&driver, vec![job("pair")]).await;
        for _ in 0..2 {
            while heard().await != "pair" {}
        }
    });
}

/// How many connections of this name listen.
async fn listeners(connection: &mut PgConnection, name: &str) -> i64 {
    let text = "SELECT count(*) FROM pg_stat_activity WHERE application_name = $1 AND query LIKE 'LISTEN%'";
    sqlx::query_scalar(text).bind(name).fetch_one(connection).await.unwrap()
}

#[test]
fn the_handles_of_a_process_listen_on_one_connection() {
    run(async |schema| {
        let named: PgConnectOptions = schema.plain_url().parse().unwrap();
        let named = named.application_name(schema.name());
        let open = || Postgres::from_options(named.clone()).schema(schema.name()).poll_every(SOON * 100);
        let handles = [open().await.unwrap(), open().await.unwrap(), open().await.unwrap()];
        let queue: [Arc<str>; 1] = ["default".into()];
        let mut connection = schema.connect().await;
        // Each hears what somebody else tells, several times over, so that each is surely listening.
        for _ in 0..5 {
            let wakes = handles.each_ref().map(|handle| handle.wake(&queue));
            let told = format!("SELECT pg_notify('queue_{}', 'work - default')", schema.name());
            connection.execute(sqlx::raw_sql(sqlx::AssertSqlSafe(told))).await.unwrap();
            for wake in wakes {
                assert!(soon("the word", wake).await.work);
            }
        }
        assert_eq!(listeners(&mut connection, schema.name()).await, 1);
        // It stays while anybody needs it.
        let [first, second, third] = handles;
        for handle in [first, second] {
            handle.close().await.unwrap();
        }
        assert_eq!(listeners(&mut connection, schema.name()).await, 1);
        third.close().await.unwrap();
        drop(third);
        let gone = async {
            while listeners(&mut connection, schema.name()).await > 0 {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(SOON, gone).await.expect("nobody listens any more");
    });
}
