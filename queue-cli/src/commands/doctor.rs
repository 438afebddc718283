//! `doctor`.

use std::time::{Duration, Instant, SystemTime};

use clap::Args;
use queue::{Queue, Registry};
use serde::Serialize;

use super::{Ended, Group, Run, Spec};
use crate::bulk::jobs;
use crate::exit;
use crate::output::{Cell, Color, Record, plain, span};
use crate::session::Session;
use crate::stranded::look;

/// Looks whether all is well.
#[derive(Debug, Args)]
pub(crate) struct Doctor {}

/// One thing that was looked at.
#[derive(Debug, Serialize)]
struct Finding {
    what: &'static str,
    /// `ok`, `warning` or `failed`.
    status: &'static str,
    detail: String,
}

/// How far two clocks may be apart.
const SKEW: Duration = Duration::from_secs(5);
/// How many of the oldest and of the newest jobs are decoded.
const SAMPLE: u64 = 1_000;

impl Run for Doctor {
    const SPEC: Spec = Spec {
        noun: "",
        verb: "doctor",
        group: Group::Admin,
        about: "Look whether all is well: settings, store, schema, clocks, workers, jobs",
        more: "Ends with code 4 when a check failed; a warning does not count.",
        examples: [
            ("doctor", "a line a finding"),
            ("doctor --url postgres://localhost/app", "of that store"),
            ("doctor --output json", "for a program"),
        ],
        needs_jobs: true,
    };

    async fn run(self, mut session: Session) -> Ended {
        let mut findings: Vec<Finding> = session.sources.iter().map(|source| Finding::ok("setting", source.clone())).collect();
        let container = session.container();
        findings.push(match container.map(|container| container.verify()) {
            Ok(Ok(())) => {
                Finding::ok("jobs", format!("{} registered, and their services are bound", Registry::linked().entries().count()))
            }
            Ok(Err(error)) => Finding::failed("jobs", &error.to_string()),
            Err(failure) => Finding::failed("jobs", &failure.to_string()),
        });
        findings.push(schema(&session).await);
        let start = Instant::now();
        match session.look().await {
            Ok(queue) => {
                findings.push(Finding::ok("store", format!("`{}` answered in {}", queue.driver().name(), span(start.elapsed()))));
                match store(&queue).await {
                    Ok(more) => findings.extend(more),
                    Err(error) => findings.push(Finding::failed("store", &crate::failure::chain(&error))),
                }
            }
            Err(failure) => findings.push(Finding::failed("store", &failure.to_string())),
        }
        session.output.records(&findings)?;
        let is_well = findings.iter().all(|finding| finding.status != "failed");
        Ok(if is_well { exit::DONE } else { exit::CHECK_FAILED })
    }
}

async fn schema(session: &Session) -> Finding {
    let schema = async { Ok::<_, crate::failure::Failure>(session.store()?.schema().await?) };
    match tokio::time::timeout(session.globals.wait, schema).await {
        Err(_) => Finding::failed("schema", "the store did not answer"),
        Ok(Err(failure)) => Finding::failed("schema", &failure.to_string()),
        Ok(Ok(None)) => Finding::ok("schema", "this store has none".to_owned()),
        Ok(Ok(Some(schema))) if schema.is_current() => {
            Finding::ok("schema", format!("version {}, which is current", schema.version))
        }
        Ok(Ok(Some(schema))) => Finding::failed(
            "schema",
            &format!("version {}, and this program wants {}: run `craft migrate`", schema.version, schema.wanted),
        ),
    }
}

/// What the store itself tells.
async fn store(queue: &Queue) -> Result<Vec<Finding>, queue::Error> {
    let mut findings = Vec::new();
    let (counts, workers) = (queue.counts().await?, queue.workers().await?);
    let now = SystemTime::now();
    let ahead = workers.iter().filter_map(|worker| worker.seen_at.duration_since(now).ok()).max().unwrap_or_default();
    findings.push(match ahead > SKEW {
        true => Finding::warning("clock", format!("the clock of the store is {} ahead of the one of this machine", span(ahead))),
        false => Finding::ok("clock", "no worker was heard of in the future".to_owned()),
    });
    let alive = workers.iter().filter(|worker| worker.is_alive(now)).count();
    let dead = workers.len() - alive;
    findings.push(match (alive, dead) {
        (0, _) => Finding::warning("workers", "none lives: nothing runs".to_owned()),
        (alive, 0) => Finding::ok("workers", format!("{alive} live")),
        (alive, dead) => Finding::warning("workers", format!("{alive} live, and {dead} died without a word")),
    });
    for (name, of_queue) in &counts.queues {
        if of_queue.unserved > 0 {
            findings.push(Finding::warning(
                "queue",
                format!("{} in `{}`, and no live worker serves it", waiting(of_queue.unserved), plain(name)),
            ));
        }
        if of_queue.is_paused {
            findings.push(Finding::warning("queue", format!("`{}` is paused", plain(name))));
        }
    }
    let looked = look(queue, &Registry::linked(), Some(SAMPLE)).await?;
    for stranded in &looked.stranded {
        let text = format!("{} of kind `{}` cannot be run: {}", stranded.count, plain(&stranded.kind), plain(&stranded.problem));
        findings.push(Finding::failed("payloads", &text));
    }
    if looked.stranded.is_empty() {
        findings.push(Finding::ok("payloads", format!("decoded {}", live(looked.looked_at))));
    }
    Ok(findings)
}

fn waiting(count: u64) -> String {
    if count == 1 { "1 job waits".to_owned() } else { format!("{} wait", jobs(count)) }
}

/// Jobs that have not ended.
fn live(count: u64) -> String {
    if count == 1 { "1 job that waits or runs".to_owned() } else { format!("{} that wait or run", jobs(count)) }
}

impl Finding {
    fn ok(what: &'static str, detail: String) -> Self {
        Self { what, status: "ok", detail }
    }

    fn warning(what: &'static str, detail: String) -> Self {
        Self { what, status: "warning", detail }
    }

    fn failed(what: &'static str, detail: &str) -> Self {
        // A finding is a line.
        let detail = detail.lines().map(str::trim).collect::<Vec<_>>().join("; ");
        Self { what, status: "failed", detail }
    }
}

impl Record for Finding {
    const COLUMNS: &'static [&'static str] = &["CHECK", "STATUS", "DETAIL"];

    fn cells(&self, _now: SystemTime) -> Vec<Cell> {
        let color = match self.status {
            "ok" => Color::Green,
            "warning" => Color::Yellow,
            _ => Color::Red,
        };
        vec![Cell::text(self.what), Cell::text(self.status).colored(color), Cell::whole(&self.detail)]
    }
}
