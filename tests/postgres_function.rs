//! Pushing from SQL, and who may do what.

#![expect(clippy::unwrap_used, reason = "a test says what it expects by failing")]

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use queue::drivers::{Action, Driver, Inspect, Postgres, Settled, Settlement, Told, WorkerId};
use queue::job::{Filter, Outcome};
use queue::prelude::*;
use queue::{JobId, JobState};
use queue_tests::postgres::Schema;
use queue_tests::probe::{PATIENCE, Probe};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, Row};

#[derive(Queueable)]
struct Greets {
    #[inject]
    probe: Arc<Probe>,
    name: String,
}

impl Job for Greets {
    async fn handle(&self) -> JobResult {
        self.probe.saw(&self.name);
        Ok(())
    }
}

struct Pushing {
    schema: Schema,
    queue: Queue,
    connection: PgConnection,
}

impl Pushing {
    async fn new(schema: Schema) -> Self {
        let driver = Postgres::from_options(schema.plain_url().parse().unwrap()).schema(schema.name()).await.unwrap();
        Self { queue: Queue::from_driver(Arc::new(driver)), connection: schema.connect().await, schema }
    }

    /// Runs a text in which `jobs` is the schema; the first column of its last row.
    async fn sql(&mut self, text: &str) -> Result<String, sqlx::Error> {
        let text = text.replace("jobs.", &format!("{}.", self.schema.name()));
        let rows = self.connection.fetch_all(sqlx::raw_sql(AssertSqlSafe(text))).await?;
        Ok(rows.last().and_then(|row| row.try_get::<String, _>(0).ok()).unwrap_or_default())
    }

    async fn push(&mut self, arguments: &str) -> Result<JobId, sqlx::Error> {
        Ok(self.sql(&format!("SELECT jobs.queue_push({arguments})::text")).await?.parse().unwrap())
    }
}

fn run(body: impl AsyncFnOnce(Pushing)) {
    let Some(schema) = Schema::new() else { return };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async { body(Pushing::new(schema).await).await });
}

#[test]
fn a_job_that_sql_pushed_runs() {
    run(async |mut pushing| {
        let probe = Arc::<Probe>::default();
        let container = Container::builder().instance(Arc::clone(&probe)).build();
        let worker = Worker::builder(&pushing.queue, container).start().await.unwrap();
        pushing.sql("CREATE TABLE jobs.people (name text)").await.unwrap();
        pushing
            .sql(
                "CREATE FUNCTION jobs.greet() RETURNS trigger LANGUAGE plpgsql AS $greet$
                BEGIN
                    PERFORM jobs.queue_push('Greets', json_build_object('name', NEW.name));
                    RETURN NEW;
                END $greet$",
            )
            .await
            .unwrap();
        pushing
            .sql("CREATE TRIGGER greeted AFTER INSERT ON jobs.people FOR EACH ROW EXECUTE FUNCTION jobs.greet()")
            .await
            .unwrap();
        pushing.sql("INSERT INTO jobs.people VALUES ('Ann'), ('Bob')").await.unwrap();
        probe.wait_for("Ann", 1).await;
        probe.wait_for("Bob", 1).await;
        // What is rolled back was never there.
        pushing.sql("BEGIN; INSERT INTO jobs.people VALUES ('Eve'); ROLLBACK").await.unwrap();
        let last = pushing.push("'Greets', '{\"name\":\"Last\"}'").await.unwrap();
        let row = pushing.queue.wait(last, PATIENCE).await.unwrap();
        assert_eq!((row.state, row.attempt, row.max_attempts, row.priority), (JobState::Completed, 1, 20, 100));
        assert_eq!(pushing.queue.counts().await.unwrap().total(JobState::Completed), 3);
        worker.shutdown(PATIENCE).await;
        pushing.queue.shutdown().await.unwrap();
    });
}

#[test]
fn what_sql_pushes_is_stored_as_it_is_said() {
    run(async |mut pushing| {
        let before = SystemTime::now() - Duration::from_secs(1);
        let id = pushing
            .push(
                "'Greets', payload => '{ \"name\" : \"Ann\", \"name\":1e2}', queue => 'mail', delay => '1 hour', priority => 7, max_attempts => 3, \
                 version => 2, unique_key => 'ann', tags => '{a,b}', meta => '{\"by\":\"sql\"}'",
            )
            .await
            .unwrap();
        let row = pushing.queue.job(id).await.unwrap().unwrap();
        assert_eq!(row.payload.as_ref().unwrap().get(), "{ \"name\" : \"Ann\", \"name\":1e2}", "byte for byte");
        assert_eq!((row.kind.as_str(), row.queue.as_str(), row.state), ("Greets", "mail", JobState::Scheduled));
        assert_eq!((row.priority, row.max_attempts, row.version), (7, 3, 2));
        assert_eq!((row.unique_key.as_deref(), row.tags), (Some("Greets:ann"), vec!["a".to_owned(), "b".to_owned()]));
        assert_eq!(row.meta["by"], "sql");
        assert!(row.due_at > before + Duration::from_secs(3600));
        // The same key as that of a push in Rust, and the winner of both is the first.
        assert_eq!(pushing.push("'Greets', unique_key => 'ann'").await.unwrap(), id);
        let same = pushing.queue.dispatch(Greets::with("Ann".to_owned()).unique_key("ann")).await.unwrap();
        assert_eq!((same.id, same.is_duplicate), (id, true));
        // Ids ascend with time.
        let mut ids = Vec::new();
        for _ in 0..3 {
            ids.push(pushing.push("'Greets'").await.unwrap());
            pushing.sql("SELECT pg_sleep(0.002)").await.unwrap();
        }
        assert!(ids.is_sorted() && ids[0] > id);
        assert_eq!(uuid_version(ids[0]), '7');
        pushing.queue.shutdown().await.unwrap();
    });
}

fn uuid_version(id: JobId) -> char {
    id.to_string().chars().nth(14).unwrap()
}

#[test]
fn what_cannot_be_a_job_is_refused_by_name() {
    run(async |mut pushing| {
        for (arguments, said) in [
            ("NULL", "the kind is missing"),
            ("''", "the kind is missing"),
            ("'Greets', queue => ''", "the queue of Greets"),
            ("'Greets', queue => E'a\\nb'", "without control characters"),
            ("'Greets', '[1]'", "is a JSON object of its fields"),
            ("'Greets', NULL", "is a JSON object of its fields"),
            ("'Greets', json_build_object('x', repeat('x', 1048577))", "the limit is 1048576"),
            ("'Greets', priority => 256", "from 0 to 255"),
            ("'Greets', max_attempts => 0", "from 1 to 1000"),
            ("'Greets', version => -1", "from 0 to 65535"),
            ("'Greets', unique_key => repeat('x', 201)", "has 200 bytes at most"),
            ("'Greets', meta => '7'", "meta of Greets is a JSON object"),
        ] {
            let error = pushing.push(arguments).await.unwrap_err().to_string();
            assert!(error.contains(said), "{arguments}: {error}");
        }
        assert!(pushing.queue.jobs(&Filter::new()).await.unwrap().is_empty());
        pushing.queue.shutdown().await.unwrap();
    });
}

/// The statements of the page that make the roles, for a schema and with names of their own.
fn roles(schema: &Schema) -> String {
    let page = include_str!("../docs/postgres.md");
    let section = page.split_once("## Roles").unwrap().1;
    let statements = section.split_once("```sql\n").unwrap().1.split_once("```").unwrap().0;
    let statements = statements
        .replace("queue.", &format!("{}.", schema.name()))
        .replace("SCHEMA queue ", &format!("SCHEMA {} ", schema.name()));
    let named = |text: String, role: &str| {
        let (word, name) = (format!("queue_{role}"), role_name(schema, role));
        // Not the table whose name begins alike.
        ["ROLE ", "TO "].iter().fold(text, |text, before| text.replace(&format!("{before}{word}"), &format!("{before}{name}")))
    };
    ["pusher", "worker", "looker"].into_iter().fold(statements, named)
}

fn role_name(schema: &Schema, role: &str) -> String {
    format!("{}_{role}", schema.name())
}

#[test]
fn each_role_can_do_its_part_and_no_more() {
    run(async |mut pushing| {
        let schema = &pushing.schema;
        pushing.connection.execute(sqlx::raw_sql(AssertSqlSafe(roles(schema)))).await.unwrap();
        let as_role = |role: &str| {
            let options: sqlx::postgres::PgConnectOptions = schema.plain_url().parse().unwrap();
            options.username(&role_name(schema, role)).password("secret")
        };
        let open = async |role: &str| {
            let driver = Postgres::from_options(as_role(role)).schema(schema.name()).await.unwrap();
            Queue::from_driver(Arc::new(driver))
        };
        let probe = Arc::<Probe>::default();
        let container = Container::builder().instance(Arc::clone(&probe)).build();

        let pusher = open("pusher").await;
        let pushed = pusher.dispatch(Greets::with("Ann".to_owned()).unique_key("ann")).await.unwrap();
        assert!(pusher.dispatch(Greets::with("Ann".to_owned()).unique_key("ann")).await.unwrap().is_duplicate);
        assert!(pusher.cancel(pushed.id).await.is_err() && pusher.pause("default").await.is_err());
        let mut sql = PgConnection::connect_with(&as_role("pusher")).await.unwrap();
        let text = |text: &str| AssertSqlSafe(text.replace("jobs.", &format!("{}.", schema.name())));
        sql.execute(sqlx::raw_sql(text("SELECT jobs.queue_push('Greets', '{\"name\":\"Bob\"}')"))).await.unwrap();
        for forbidden in [
            "SELECT payload FROM jobs.queue_jobs",
            "DELETE FROM jobs.queue_jobs",
            "UPDATE jobs.queue_jobs SET state = 'held'",
            "DROP TABLE jobs.queue_jobs",
        ] {
            let error = sql.execute(sqlx::raw_sql(text(forbidden))).await.unwrap_err().to_string();
            assert!(error.contains("permission denied") || error.contains("must be owner"), "{forbidden}: {error}");
        }

        let looker = open("looker").await;
        assert_eq!(looker.counts().await.unwrap().total(JobState::Available), 2);
        assert_eq!(looker.jobs(&Filter::new()).await.unwrap().len(), 2);
        assert!(looker.dispatch(Greets::with("Eve".to_owned())).await.is_err());
        let driver = async |role: &str| Postgres::from_options(as_role(role)).schema(schema.name()).await.unwrap();
        let (looks, acts) = (driver("looker").await, driver("worker").await);
        assert_eq!(looks.count(&Filter::new(), 10).await.unwrap().jobs, 2);
        assert!(looks.jobs(&Filter::new().state(JobState::Running)).await.unwrap().jobs.is_empty());
        let (me, lease) = (WorkerId::now_v7(), PATIENCE);
        for action in [Action::Cancel, Action::Retry, Action::Forget] {
            assert!(looks.act(action, &[pushed.id]).await.is_err());
        }
        assert!(looks.tell(Told::Quiet, &[]).await.is_err() && looks.claim(pushed.id, me, lease).await.is_err());
        for action in [Action::Cancel, Action::Retry] {
            assert!(acts.act(action, &[pushed.id]).await.unwrap()[0].is_ok());
        }
        let claimed = acts.claim(pushed.id, me, lease).await.unwrap();
        let released = Settlement::new(claimed.lease, Outcome::Release { delay: Duration::ZERO });
        assert_eq!(acts.settle(&[released]).await.unwrap(), [Settled::Stored]);
        assert_eq!(acts.tell(Told::Quiet, &[]).await.unwrap(), 0);

        let queue = open("worker").await;
        let worker = Worker::builder(&queue, container).start().await.unwrap();
        probe.wait_for("Ann", 1).await;
        probe.wait_for("Bob", 1).await;
        let row = queue.wait(pushed.id, PATIENCE).await.unwrap();
        assert_eq!(row.state, JobState::Completed);
        worker.shutdown(PATIENCE).await;
        let mut sql = PgConnection::connect_with(&as_role("worker")).await.unwrap();
        let error = sql.execute(sqlx::raw_sql(text("DROP TABLE jobs.queue_jobs"))).await.unwrap_err().to_string();
        assert!(error.contains("must be owner"), "{error}");

        for queue in [pusher, looker, queue] {
            queue.shutdown().await.unwrap();
        }
        for role in ["pusher", "worker", "looker"] {
            let name = role_name(schema, role);
            let drop = format!("DROP OWNED BY {name}; DROP ROLE {name}");
            pushing.connection.execute(sqlx::raw_sql(AssertSqlSafe(drop))).await.unwrap();
        }
        pushing.queue.shutdown().await.unwrap();
    });
}
