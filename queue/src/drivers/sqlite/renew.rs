//! Keeping leases alive, and the rows of workers.

use std::collections::HashMap;

use sqlx::Row;

use super::Sqlite;
use super::error::Fault;
use super::rows;
use super::script::{Answer, MOST_ROWS, Script};
use crate::drivers::{Renewal, Renewed, Told, WorkerRow, WorkerState};
use crate::job::JobId;

impl Sqlite {
    /// Renews, and commits. What it writes may go in a power cut, with the worker.
    pub(super) async fn extend(&self, worker: &WorkerRow, renewals: &[Renewal]) -> Result<Renewed, Fault> {
        let mut transaction = self.writer.quick().await?;
        transaction.begin().await?;
        // Read with the lock at hand, so that the times of those who write ascend.
        let now = self.now();
        let mut script = Script::default();
        add_heard(&mut script, now);
        add_worker(&mut script, worker, now);
        let head = 3;
        for renewals in renewals.chunks(MOST_ROWS) {
            let end = now.saturating_add(rows::span(worker.lease));
            script.add_leases(include_str!("sql/extend.sql"), end, renewals.iter().map(|renewal| renewal.lease));
        }
        add_progress(&mut script, renewals);
        let answers = transaction.finish(script).await?;
        let (head, rest) = answers.split_at(head.min(answers.len()));
        let told = head.last().and_then(told);
        Ok(Renewed { told, ..renewed(rest, renewals)? })
    }
}

/// Adds the two statements of everybody who writes regularly.
pub(super) fn add_heard(script: &mut Script, now: i64) {
    script.add(include_str!("sql/step_back.sql")).bind(now).bind(now);
    script.add(include_str!("sql/heard.sql")).bind(now);
}

fn add_worker(script: &mut Script, worker: &WorkerRow, now: i64) {
    let id = worker.id.as_bytes().to_vec();
    if worker.state == WorkerState::Stopped {
        script.add(include_str!("sql/worker_gone.sql")).bind(id);
        return;
    }
    let queues: Vec<_> = worker.queues.iter().map(|(queue, slots)| (&**queue, slots)).collect();
    script.add(include_str!("sql/worker.sql")).bind(id).bind(worker.name.clone()).bind(worker.host.clone());
    script.bind(i64::from(worker.pid)).bind(rows::micros(worker.started_at)).bind(now);
    script.bind(serde_json::to_string(&queues).unwrap_or_default());
    let kinds: Vec<&str> = worker.kinds.iter().map(|kind| &**kind).collect();
    script.bind(serde_json::to_string(&kinds).unwrap_or_default()).bind(i64::try_from(worker.running).unwrap_or(i64::MAX));
    script.bind(rows::span(worker.lease)).bind(worker.state.as_str());
}

fn add_progress(script: &mut Script, renewals: &[Renewal]) {
    let said = renewals.iter().filter_map(|renewal| renewal.progress.as_ref().map(|progress| (renewal.lease, progress)));
    let rows: Vec<_> = said
        .map(|(lease, said)| {
            let id = format!("{:032x}", lease.id.as_u128());
            (rows::place(lease.place), id, rows::place(lease.token), (said.percent, &said.message))
        })
        .collect();
    if !rows.is_empty() {
        script.add(include_str!("sql/progress.sql")).bind(serde_json::to_string(&rows).unwrap_or_default());
    }
}

fn renewed(answers: &[Answer], renewals: &[Renewal]) -> Result<Renewed, Fault> {
    let mut good: HashMap<(JobId, u64), bool> = HashMap::with_capacity(renewals.len());
    for row in answers.iter().flat_map(|answer| &answer.rows) {
        good.insert((rows::id(row, 0)?, rows::number(row, 1)?), row.try_get::<i64, _>(2)? != 0);
    }
    let mut renewed = Renewed::default();
    for Renewal { lease, .. } in renewals {
        match good.get(&(lease.id, lease.token)) {
            None => renewed.lost.push(lease.id),
            Some(true) => renewed.cancelled.push(lease.id),
            Some(false) => {}
        }
    }
    Ok(renewed)
}

/// What somebody wrote into the row of the worker.
fn told(answer: &Answer) -> Option<Told> {
    Told::of_word(answer.rows.first()?.try_get::<Option<&str>, _>(0).ok()??)
}
