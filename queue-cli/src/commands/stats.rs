//! `stats`.

use std::collections::VecDeque;
use std::io::IsTerminal as _;
use std::time::{Duration, Instant, SystemTime};

use clap::Args;
use queue::{JobState, Queue};
use serde::Serialize;

use super::{Ended, Group, Run, Spec};
use crate::arguments::duration;
use crate::exit;
use crate::output::{Format, grouped, rfc3339, seconds, span};
use crate::records::QueueRecord;
use crate::session::Session;

/// Shows the numbers of the store.
#[derive(Debug, Args)]
pub(crate) struct Stats {
    /// Go on, and show them anew every so often
    #[arg(long, short, value_name = "EVERY", num_args = 0..=1, default_missing_value = "2s", value_parser = duration)]
    watch: Option<Duration>,
}

/// The numbers of the store.
#[derive(Debug, Serialize)]
struct Numbers {
    at: String,
    held: u64,
    scheduled: u64,
    available: u64,
    running: u64,
    retryable: u64,
    completed: u64,
    failed: u64,
    cancelled: u64,
    unserved: u64,
    queues: usize,
    paused: usize,
    workers: usize,
    slots: u64,
    #[serde(rename = "oldest_available_seconds", serialize_with = "seconds")]
    oldest_available: Option<Duration>,
    /// Jobs that ended a second since the numbers before; not known at first.
    ended_per_second: Option<f64>,
}

/// How often it can be shown at most.
const LEAST: Duration = Duration::from_millis(100);
/// How many rates are drawn.
const DRAWN: usize = 60;

impl Run for Stats {
    const SPEC: Spec = Spec {
        noun: "",
        verb: "stats",
        group: Group::Inspect,
        about: "Show the numbers of the store",
        more: "",
        examples: [
            ("stats", "once"),
            ("stats --watch", "every 2 seconds, with the rate, until Ctrl-C"),
            ("stats --watch 10s --output jsonl", "a JSON document a line, for a log"),
        ],
        needs_jobs: false,
    };

    async fn run(self, mut session: Session) -> Ended {
        let queue = session.look().await?;
        if self.watch.is_some() && session.output.format == Format::Json {
            // Documents that follow each other are a line each.
            session.output.format = Format::Jsonl;
        }
        let mut before: Option<(Instant, u64)> = None;
        let mut rates = VecDeque::new();
        loop {
            let mut numbers = numbers(&queue).await?;
            let (now, ended) = (Instant::now(), numbers.completed + numbers.failed + numbers.cancelled);
            if let Some((then, before)) = before {
                // Fewer than before: old ones were removed.
                let rate = ended.saturating_sub(before) as f64 / now.duration_since(then).as_secs_f64().max(0.001);
                numbers.ended_per_second = Some(rate);
                rates.push_back(rate);
                while rates.len() > DRAWN {
                    rates.pop_front();
                }
            }
            before = Some((now, ended));
            if self.watch.is_some() && session.output.is_for_people() && std::io::stdout().is_terminal() {
                // To the upper left, and away with what stood there.
                session.output.raw("\u{1b}[H\u{1b}[2J")?;
            }
            session.output.document(&numbers, || lines(&numbers, &rates))?;
            let Some(every) = self.watch else { return Ok(exit::DONE) };
            tokio::select! {
                () = tokio::time::sleep(every.max(LEAST)) => {}
                _ = tokio::signal::ctrl_c() => return Ok(exit::DONE),
            }
        }
    }
}

async fn numbers(queue: &Queue) -> Result<Numbers, queue::Error> {
    let now = SystemTime::now();
    let (counts, workers) = (queue.counts().await?, queue.workers().await?);
    let queues = QueueRecord::all(&counts, &workers, now);
    let total = |state| counts.total(state);
    Ok(Numbers {
        at: rfc3339(now),
        held: total(JobState::Held),
        scheduled: total(JobState::Scheduled),
        available: total(JobState::Available),
        running: total(JobState::Running),
        retryable: total(JobState::Retryable),
        completed: total(JobState::Completed),
        failed: total(JobState::Failed),
        cancelled: total(JobState::Cancelled),
        unserved: counts.unserved(),
        queues: queues.len(),
        paused: queues.iter().filter(|queue| queue.paused).count(),
        workers: workers.iter().filter(|worker| worker.is_alive(now)).count(),
        slots: queues.iter().map(|queue| queue.slots).sum(),
        oldest_available: queues.iter().filter_map(|queue| queue.oldest_available).max(),
        ended_per_second: None,
    })
}

fn lines(numbers: &Numbers, rates: &VecDeque<f64>) -> Vec<String> {
    let mut lines = vec![
        format!(
            "queues: {} ({} paused), workers: {}, slots: {}",
            numbers.queues,
            numbers.paused,
            numbers.workers,
            grouped(numbers.slots)
        ),
        format!(
            "available {:>14}   oldest {}",
            grouped(numbers.available),
            numbers.oldest_available.map_or_else(|| "-".to_owned(), span)
        ),
        format!("running   {:>14}", grouped(numbers.running)),
        format!("scheduled {:>14}   held {}", grouped(numbers.scheduled), grouped(numbers.held)),
        format!("retryable {:>14}", grouped(numbers.retryable)),
        format!("failed    {:>14}", grouped(numbers.failed)),
        format!("completed {:>14}   cancelled {}", grouped(numbers.completed), grouped(numbers.cancelled)),
    ];
    if numbers.unserved > 0 {
        lines.push(format!("unserved  {:>14}   no live worker serves their queues", grouped(numbers.unserved)));
    }
    if let Some(rate) = numbers.ended_per_second {
        lines.push(format!("ended     {rate:>12.1}/s  {}", spark(rates)));
    }
    lines
}

/// The rates as a line of bars, the highest as high as can be.
fn spark(rates: &VecDeque<f64>) -> String {
    const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let most = rates.iter().copied().fold(0.0, f64::max);
    let bar = |rate: &f64| {
        let height = if most > 0.0 { rate / most * 7.0 } else { 0.0 };
        BARS.get(height.round() as usize).copied().unwrap_or(BARS[0])
    };
    rates.iter().map(bar).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_bar_is_the_highest_rate() {
        assert_eq!(spark(&VecDeque::from([0.0, 50.0, 100.0])), "▁▅█");
        assert_eq!(spark(&VecDeque::from([0.0, 0.0])), "▁▁");
        assert_eq!(spark(&VecDeque::new()), "");
    }
}
