//! `check`: the boot report, and what of a live store this program could not run.

use clap::Args;
use queue::{Registry, Worker};
use serde::Serialize;

use super::{Ended, Group, Run, Spec};
use crate::bulk::jobs;
use crate::exit;
use crate::output::{grouped, plain};
use crate::session::Session;
use crate::stranded::{Looked, look};

/// Checks the program, and perhaps its store.
#[derive(Debug, Args)]
pub(crate) struct Check {
    /// Also decode what waits in the store with the jobs of this program, and list what it could not run
    #[arg(long)]
    store: bool,
    /// Decode so many of the oldest and so many of the newest waiting jobs, instead of all
    #[arg(long, value_name = "JOBS", requires = "store", value_parser = clap::value_parser!(u64).range(1..))]
    sample: Option<u64>,
}

#[derive(Debug, Serialize)]
struct Report {
    ok: bool,
    jobs: Vec<JobEntry>,
    /// The boot report; nothing where nothing is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    faults: Option<String>,
    /// What is perhaps not meant.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    store: Option<Looked>,
}

#[derive(Debug, Serialize)]
struct JobEntry {
    kind: &'static str,
    aliases: &'static [&'static str],
    queue: &'static str,
    version: u16,
    #[serde(rename = "type")]
    type_name: &'static str,
    file: &'static str,
    line: u32,
}

impl Run for Check {
    const SPEC: Spec = Spec {
        noun: "",
        verb: "check",
        group: Group::Admin,
        about: "Check the jobs and services of this program, and with --store what waits for it",
        more: "Without --store nothing is connected to and no service is built: it is the check that a worker makes before it starts, for CI. With --store every waiting and running job is decoded by this program, read-only: run it with the new binary before a deploy. Ends with code 4 when something is wrong.",
        examples: [
            ("check", "services that are missing, two jobs of one kind, …"),
            ("check --store", "what a deploy of this binary would strand"),
            ("check --store --sample 1000", "the same of the oldest and the newest 1,000"),
        ],
        needs_jobs: true,
    };

    async fn run(self, mut session: Session) -> Ended {
        let registry = Registry::linked();
        let jobs = registry.entries().map(|entry| JobEntry {
            kind: entry.kind,
            aliases: entry.aliases,
            queue: entry.options.queue,
            version: entry.options.version,
            type_name: (entry.type_name)(),
            file: entry.file,
            line: entry.line,
        });
        let jobs: Vec<_> = jobs.collect();
        let container = session.container()?;
        let (mut warnings, mut store) = (Vec::new(), None);
        let faults = if self.store {
            let queue = session.look().await?;
            store = Some(look(&queue, &registry, self.sample).await?);
            let checked = Worker::builder(&queue, container).check().await;
            checked.map(|report| warnings.extend(report.warnings.iter().map(ToString::to_string))).err()
        } else {
            container.verify().err()
        };
        let faults = faults.map(|faults| faults.to_string());
        let ok = faults.is_none() && store.as_ref().is_none_or(|store| store.stranded.is_empty());
        let report = Report { ok, jobs, faults, warnings, store };
        session.output.document(&report, || lines(&report))?;
        Ok(if ok { exit::DONE } else { exit::CHECK_FAILED })
    }
}

fn lines(report: &Report) -> Vec<String> {
    let mut lines = vec![format!("{} jobs are registered:", report.jobs.len())];
    let width = report.jobs.iter().map(|job| job.kind.len()).max().unwrap_or_default();
    lines
        .extend(report.jobs.iter().map(|job| format!("  {:width$}  {}:{}, queue `{}`", job.kind, job.file, job.line, job.queue)));
    match &report.faults {
        Some(faults) => lines.extend(faults.lines().map(str::to_owned)),
        None => lines.push("their services are bound, and nothing is wrong with their names".to_owned()),
    }
    lines.extend(report.warnings.iter().map(|warning| format!("warning: {}", plain(warning))));
    let Some(store) = &report.store else { return lines };
    let part = if store.is_all { "" } else { " (a sample)" };
    lines.push(format!("decoded {} of the store that wait or run{part}", jobs(store.looked_at)));
    if store.stranded.is_empty() {
        lines.push("this program can run each of them".to_owned());
    }
    for stranded in &store.stranded {
        lines.push(format!(
            "{} of kind `{}` in `{}` cannot be run: {}",
            grouped(stranded.count),
            plain(&stranded.kind),
            plain(&stranded.queue),
            plain(&stranded.problem)
        ));
        lines.push(format!("  as job {}", stranded.example));
        lines.extend(stranded.hint.iter().map(|hint| format!("  {}", plain(hint))));
    }
    lines
}
