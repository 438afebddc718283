//! Doing the same to many jobs: counted first, asked for, done in batches, and told.

use std::collections::BTreeMap;
use std::io::{self, IsTerminal as _};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use queue::drivers::{Action, Count};
use queue::job::Filter;
use queue::{Error, JobId, JobState, Queue};
use serde::Serialize;

use crate::arguments::Consent;
use crate::exit;
use crate::failure::{Failure, chain};
use crate::output::{grouped, plain};
use crate::pages::Pages;
use crate::prompt;
use crate::records::JobRecord;
use crate::session::Session;
use crate::target::Target;

/// How many jobs are asked for, and changed, at once.
const BATCH: usize = 500;
/// Up to how many are counted before it is done.
const COUNTED: u64 = 100_000;
/// How many jobs a dry run shows.
const SHOWN: usize = 10;
/// How often a line says how far it is, where there is no terminal.
const LINE: Duration = Duration::from_secs(5);
/// How many of those that were skipped are listed one by one.
const LISTED: usize = 1_000;

/// What shall be done, in words.
pub(crate) struct Deed {
    pub(crate) action: Action,
    /// `retry`.
    pub(crate) verb: &'static str,
    /// `retried`.
    pub(crate) done: &'static str,
}

/// What came of it.
#[derive(Debug, Default, Serialize)]
struct Report {
    action: &'static str,
    /// How many it was done to.
    done: u64,
    /// How many of those are running, and were told to end.
    running: u64,
    skipped: u64,
    /// Why, and how many for that reason.
    reasons: BTreeMap<String, u64>,
    /// The first of those that were skipped.
    skipped_jobs: Vec<SkippedRecord>,
    /// Ctrl-C came before the end.
    interrupted: bool,
}

#[derive(Debug, Serialize)]
struct SkippedRecord {
    id: String,
    reason: String,
}

/// Does it.
pub(crate) async fn run(session: &mut Session, deed: &Deed, target: Target, consent: &Consent) -> Result<u8, Failure> {
    let queue = session.look().await?;
    match target {
        Target::Ids(ids) => by_id(session, &queue, deed, &ids, consent).await,
        Target::Fitting(filter) => fitting(session, &queue, deed, *filter, consent).await,
    }
}

async fn by_id(session: &mut Session, queue: &Queue, deed: &Deed, ids: &[JobId], consent: &Consent) -> Result<u8, Failure> {
    if consent.dry_run {
        let mut rows = Vec::new();
        for id in ids {
            rows.extend(queue.job(*id).await?.map(JobRecord));
        }
        session.output.say(format!("would {} {} of the {} jobs that are named", deed.verb, rows.len(), ids.len()));
        session.output.records(&rows)?;
        return Ok(exit::DONE);
    }
    if session.guard().is_some() {
        prompt::confirm(session, consent, &sentence(deed, &format!("{} named", jobs(ids.len() as u64))))?;
    }
    let mut report = Report { action: deed.verb, ..Report::default() };
    for ids in ids.chunks(BATCH) {
        report.add(ids, queue.act(deed.action, ids).await?);
    }
    let is_missing = report.skipped > 0;
    tell(session, deed, &report)?;
    Ok(if is_missing { exit::NOTHING } else { exit::DONE })
}

async fn fitting(session: &mut Session, queue: &Queue, deed: &Deed, filter: Filter, consent: &Consent) -> Result<u8, Failure> {
    let filter = possible(deed, filter)?;
    let count = queue.count(&filter, COUNTED).await?;
    let many = many(count);
    if count.jobs == 0 && count.is_all {
        session.output.say(format!("no job fits {}", plain(&filter.to_string())));
        return tell(session, deed, &Report { action: deed.verb, ..Report::default() }).map(|()| exit::DONE);
    }
    if consent.dry_run {
        let rows: Vec<JobRecord> = queue.jobs(&filter.clone().limit(SHOWN)).await?.into_iter().map(JobRecord).collect();
        session.output.say(format!("would {} {many} ({}); the first of them:", deed.verb, plain(&filter.to_string())));
        session.output.records(&rows)?;
        return Ok(exit::DONE);
    }
    prompt::confirm(session, consent, &sentence(deed, &format!("{many} ({})", plain(&filter.to_string()))))?;
    let mut report = Report { action: deed.verb, ..Report::default() };
    let mut progress = Progress::new(count, deed.done);
    let mut pages = Pages::of(queue, filter);
    let mut interrupted = std::pin::pin!(tokio::signal::ctrl_c());
    // A signal is heeded from the first look at it on.
    let mut is_interrupted = is_ready(&mut interrupted).await;
    loop {
        // A batch that was begun is done: what is said of it is true.
        let batch = async {
            let Some(rows) = pages.next(BATCH).await? else { return Ok(None) };
            let ids: Vec<JobId> = rows.iter().map(|row| row.id).collect();
            let answers = if ids.is_empty() { Vec::new() } else { queue.act(deed.action, &ids).await? };
            Ok::<_, Error>(Some((ids, answers)))
        };
        let (ids, answers) = match batch.await {
            Ok(Some(batch)) => batch,
            Ok(None) => break,
            Err(error) => {
                progress.end();
                tell(session, deed, &report)?;
                return Err(Failure::from(error).hint(format!("what was {} stays so: do it again for the rest", deed.done)));
            }
        };
        report.add(&ids, answers);
        progress.at(session, report.done + report.skipped);
        is_interrupted = is_interrupted || is_ready(&mut interrupted).await;
        if is_interrupted {
            // Behind the last batch there is nothing to be interrupted.
            report.interrupted = pages.behind().is_some();
            break;
        }
    }
    progress.end();
    let code = match (report.interrupted, report.done, report.skipped) {
        (true, ..) => exit::INTERRUPTED,
        (false, 0, 1..) => exit::NOTHING,
        _ => exit::DONE,
    };
    tell(session, deed, &report)?;
    Ok(code)
}

/// The filter without the states in which nothing can be done.
fn possible(deed: &Deed, mut filter: Filter) -> Result<Filter, Failure> {
    let can_be = |state: &JobState| match deed.action {
        Action::Cancel => !state.is_terminal(),
        Action::Retry => matches!(state, JobState::Failed | JobState::Cancelled),
        _ => state.is_terminal(),
    };
    filter.states.retain(can_be);
    if filter.states.is_empty() {
        let states: Vec<&str> = JobState::ALL.iter().filter(|state| can_be(state)).map(|state| state.as_str()).collect();
        return Err(Failure::usage(format!("one cannot {} jobs in these states, only {} ones", deed.verb, states.join(", "))));
    }
    Ok(filter)
}

/// Whether it is ready now.
async fn is_ready(future: &mut (impl Future + Unpin)) -> bool {
    tokio::select! {
        biased;
        _ = future => true,
        () = std::future::ready(()) => false,
    }
}

impl Report {
    fn add(&mut self, ids: &[JobId], answers: Vec<Result<JobState, Error>>) {
        for (id, answer) in ids.iter().zip(answers) {
            match answer {
                Ok(state) => {
                    self.done += 1;
                    self.running += u64::from(state == JobState::Running);
                }
                Err(error) => {
                    self.skipped += 1;
                    let reason = chain(&error);
                    if self.skipped_jobs.len() < LISTED {
                        self.skipped_jobs.push(SkippedRecord { id: id.to_string(), reason: reason.clone() });
                    }
                    *self.reasons.entry(without_ids(&reason)).or_default() += 1;
                }
            }
        }
    }
}

/// The same reason for all jobs: without the ids and the quoted keys in it.
fn without_ids(reason: &str) -> String {
    let unquoted = reason.split('`').enumerate().map(|(index, part)| if index % 2 == 1 { "…" } else { part });
    let unquoted = unquoted.collect::<Vec<_>>().join("`");
    let words = unquoted.split(' ').map(|word| if word.parse::<JobId>().is_ok() { "…" } else { word });
    words.collect::<Vec<_>>().join(" ")
}

fn tell(session: &mut Session, deed: &Deed, report: &Report) -> Result<(), Failure> {
    let lines = || {
        let mut lines = vec![format!("{} {}", deed.done, jobs(report.done))];
        if report.running > 0 {
            lines.push(format!("of these still running, and told to end: {}", grouped(report.running)));
        }
        if report.skipped > 0 {
            lines.push(format!("skipped {}", jobs(report.skipped)));
            lines.extend(report.reasons.iter().map(|(reason, count)| format!("  {}: {reason}", grouped(*count))));
        }
        if report.interrupted {
            lines.push("interrupted: do it again for the rest".to_owned());
        }
        lines
    };
    Ok(session.output.document(report, lines)?)
}

fn sentence(deed: &Deed, what: &str) -> String {
    format!("{} {what}", deed.verb)
}

/// `1 job`, `1,200 jobs`.
pub(crate) fn jobs(count: u64) -> String {
    if count == 1 { "1 job".to_owned() } else { format!("{} jobs", grouped(count)) }
}

/// The same of a count that may not be all.
pub(crate) fn many(count: Count) -> String {
    if count.is_all { jobs(count.jobs) } else { format!("{} or more", jobs(count.jobs)) }
}

/// How far it is: a bar on a terminal, else a line now and then.
struct Progress {
    bar: Option<ProgressBar>,
    done: &'static str,
    said: Instant,
}

impl Progress {
    fn new(count: Count, done: &'static str) -> Self {
        let bar = io::stderr().is_terminal().then(|| {
            let bar = match count.is_all {
                true => ProgressBar::with_draw_target(Some(count.jobs), ProgressDrawTarget::stderr()),
                false => ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr()),
            };
            let template =
                if count.is_all { "{bar:40} {human_pos} of {human_len}, {per_sec}" } else { "{spinner} {human_pos}, {per_sec}" };
            bar.set_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar
        });
        Self { bar, done, said: Instant::now() }
    }

    fn at(&mut self, session: &mut Session, position: u64) {
        match &self.bar {
            Some(bar) => bar.set_position(position),
            None if self.said.elapsed() >= LINE => {
                self.said = Instant::now();
                session.output.say(format!("{} {} so far", self.done, jobs(position)));
            }
            None => {}
        }
    }

    fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_reason_counts_for_all_jobs() {
        let id = JobId::new();
        assert_eq!(without_ids(&format!("job {id} is running, and no")), "job … is running, and no");
        assert_eq!(without_ids(&format!("{id} has its key `A:1`")), "… has its key `…`");
    }

    #[test]
    fn a_count_that_is_not_all_says_so() {
        assert_eq!(many(Count::new(1, true)), "1 job");
        assert_eq!(many(Count::new(100_000, false)), "100,000 jobs or more");
    }
}
