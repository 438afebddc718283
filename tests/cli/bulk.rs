//! The same done to many: in batches, counted, and told how far it came.

use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use queue::drivers::NewJob;
use queue_tests::postgres::Schema;
use sqlx::{AssertSqlSafe, Connection as _};

use crate::craft::Craft;
use crate::place::{Place, on_both};
use crate::store::{id, job, jobs, keyed, push, push_failed, states};

/// More than two batches.
const MANY: u128 = 1_300;

on_both! {
    async fn many_jobs_are_retried_in_batches_and_those_that_refuse_are_counted(place) {
        let driver = place.open().await;
        let keys = |number: u128| if number.is_multiple_of(100) { keyed(number, &number.to_string()) } else { job(number) };
        push_failed(&driver, (1..=MANY).map(keys).collect(), "no").await;
        // Five of them find their key taken.
        let taken = [100, 200, 700, 1_200, 1_300_u128];
        push(&driver, taken.iter().map(|key| NewJob { queue: "other".into(), ..keyed(5_000 + key, &key.to_string()) }).collect()).await;
        let ran = place.craft("queue:retry all --yes -o json").run().code(0);
        assert_eq!(ran.err, "");
        let report = ran.json();
        assert_eq!((&report["done"], &report["skipped"], &report["interrupted"]), (&1_295.into(), &5.into(), &false.into()));
        let reasons = report["reasons"].as_object().unwrap();
        let one_reason = reasons.iter().all(|(reason, _)| reason.contains("unique key"));
        let told: u64 = reasons.values().map(|count| count.as_u64().unwrap()).sum();
        assert!(one_reason && told == 5, "{reasons:?}");
        let skipped: Vec<_> = report["skipped_jobs"].as_array().unwrap().iter().map(|job| job["id"].as_str().unwrap()).collect();
        assert_eq!(skipped, taken.map(|number| id(number).to_string()));
        assert_eq!(states(&driver).await.iter().filter(|state| **state == "failed").count(), 5);
        // Again: what is left refuses again, and lines say why.
        let again = place.craft("queue:retry all --yes").run().code(3);
        assert_eq!(
            again.out,
            "retried 0 jobs\nskipped 5 jobs\n  5: job … cannot be retried while job … has its unique key `…`\n"
        );
        let all = place.craft("queue:clear mail --yes").run().done();
        assert_eq!(all, "cancelled 1,295 jobs\n");
        driver.close().await.unwrap();
    }
}

/// Whether a process catches Ctrl-C, and has none on its way.
#[cfg(target_os = "linux")]
fn signals(child: &Child) -> (bool, bool) {
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    let is_set = |name: &str| {
        let bits = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        u64::from_str_radix(bits.trim(), 16).unwrap() & 2 != 0
    };
    (is_set("SigCgt:"), is_set("ShdPnd:"))
}

/// Retries all, with Ctrl-C while the first batch stands still, because nobody else can change one of its jobs.
#[cfg(target_os = "linux")]
async fn interrupted(place: &Place, schema: &Schema) -> Output {
    let mut lock = schema.connect().await;
    let one = format!("BEGIN; SELECT id FROM queue_ended WHERE id = '{}' FOR UPDATE", id(7));
    sqlx::raw_sql(AssertSqlSafe(one)).execute(&mut lock).await.unwrap();
    let mut command = Craft::into_command(place.craft("queue:retry all --yes"));
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut tick = tokio::time::interval(Duration::from_millis(5));
    while child.try_wait().unwrap().is_none() && !signals(&child).0 {
        tick.tick().await;
    }
    if child.try_wait().unwrap().is_none() {
        assert!(Command::new("kill").arg("-INT").arg(child.id().to_string()).status().unwrap().success());
        while child.try_wait().unwrap().is_none() && signals(&child).1 {
            tick.tick().await;
        }
    }
    sqlx::raw_sql("ROLLBACK").execute(&mut lock).await.unwrap();
    lock.close().await.unwrap();
    child.wait_with_output().unwrap()
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn ctrl_c_between_two_batches_says_how_far_it_came() {
    let Some(place) = Place::schema() else { return };
    let driver = place.open().await;
    push_failed(&driver, jobs(1..=MANY), "no").await;
    let Place::Schema(schema) = &place else { unreachable!("it is a schema") };
    let mut output = interrupted(&place, schema).await;
    // Where the machine stood still for seconds, the server gave up on the lock, and nothing was done.
    for _ in 0..3 {
        if output.status.code() == Some(69) && output.stdout.starts_with(b"retried 0 jobs") {
            output = interrupted(&place, schema).await;
        }
    }
    let out = String::from_utf8(output.stdout).unwrap();
    assert_eq!((output.status.code(), out.as_str()), (Some(130), "retried 500 jobs\ninterrupted: do it again for the rest\n"));
    assert_eq!(states(&driver).await.iter().filter(|state| **state == "available").count(), 500);
    // Again, and it is all.
    assert_eq!(place.craft("queue:retry all --yes").run().done(), "retried 800 jobs\n");
    driver.close().await.unwrap();
}
