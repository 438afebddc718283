//! `queue:work`.

use std::net::SocketAddr;
use std::time::Duration;

use clap::Args;
use queue::job::{Backoff, JobOptions};
use queue::worker::WorkerBuilder;
use queue::{Container, JobState, Queue, Worker};

use super::{Ended, Group, Run, Spec};
use crate::arguments::{duration, queue_name};
use crate::bulk::jobs;
use crate::failure::Failure;
use crate::log;
use crate::output::Format;
use crate::session::{Session, is_server};
use crate::work::{self, Lines, Signals, Until, Working};

/// Runs jobs.
#[derive(Debug, Args)]
pub(crate) struct Work {
    /// Only these queues, perhaps with slots, as `mail=4,default`; all where nothing is said
    #[arg(long, short, env = "QUEUE_QUEUES", value_name = "NAME[=SLOTS],…", value_delimiter = ',', value_parser = served)]
    queue: Vec<Served>,
    /// All queues but these
    #[arg(long, value_name = "NAME,…", value_delimiter = ',', value_parser = queue_name, conflicts_with = "queue")]
    exclude: Vec<String>,
    /// How many jobs of a queue run at once [default: 10, and twice the cores where all jobs of the queue block]
    #[arg(long, short, env = "QUEUE_CONCURRENCY", value_name = "SLOTS", value_parser = slots)]
    concurrency: Option<usize>,
    /// How often the store is looked at where nothing tells of new jobs; postgres: only [default: as the URL says]
    #[arg(long, env = "QUEUE_POLL", value_name = "TIME", value_parser = duration)]
    poll: Option<Duration>,
    /// How many attempts jobs have whose type says nothing of it
    #[arg(long, env = "QUEUE_TRIES", value_name = "ATTEMPTS", value_parser = clap::value_parser!(u16).range(1..=1000))]
    tries: Option<u16>,
    /// How long to wait before another attempt, for jobs whose type says nothing of it: a time, or `10s,1m,10m`
    #[arg(long, env = "QUEUE_BACKOFF", value_name = "TIME,…", value_delimiter = ',', value_parser = duration)]
    backoff: Vec<Duration>,
    /// How long an attempt may take, for jobs whose type says nothing of it; `none` is as long as it likes
    #[arg(long, env = "QUEUE_TIMEOUT", value_name = "TIME", value_parser = limit)]
    timeout: Option<Limit>,
    /// Run one job, if one is available, and stop
    #[arg(long)]
    once: bool,
    /// Stop when nothing is available any more
    #[arg(long)]
    stop_when_empty: bool,
    /// Stop after so many jobs
    #[arg(long, value_name = "JOBS", value_parser = clap::value_parser!(u64).range(1..))]
    max_jobs: Option<u64>,
    /// Stop after this time
    #[arg(long, value_name = "TIME", value_parser = duration)]
    max_time: Option<Duration>,
    /// Stop when nothing has run for this time
    #[arg(long, value_name = "TIME", value_parser = duration)]
    idle_timeout: Option<Duration>,
    /// How long running jobs get to end at a stop
    #[arg(long, env = "QUEUE_SHUTDOWN_TIMEOUT", value_name = "TIME", value_parser = duration, default_value = "25s")]
    shutdown_timeout: Duration,
    /// What the worker is called where workers are listed
    #[arg(long, env = "QUEUE_WORKER_NAME", value_name = "NAME")]
    name: Option<String>,
    /// Answer /status/started and /status/connected over HTTP here, as 0.0.0.0:7001
    #[arg(long, env = "QUEUE_PROBE", value_name = "ADDRESS")]
    probe: Option<SocketAddr>,
    /// A JSON document a line, instead of lines for people (as --output jsonl)
    #[arg(long)]
    json: bool,
    /// No line a job
    #[arg(long, conflicts_with = "json")]
    quiet: bool,
    /// Stop at the first job that fails for good, and end with code 5
    #[arg(long)]
    fail_fast: bool,
}

/// How long an attempt may take, if there is a limit.
#[derive(Debug, Clone, Copy)]
struct Limit(Option<Duration>);

fn limit(text: &str) -> Result<Limit, String> {
    match text {
        "none" => Ok(Limit(None)),
        _ => match duration(text)? {
            Duration::ZERO => Err("no attempt ends in no time: write `none` for no limit".to_owned()),
            time => Ok(Limit(Some(time))),
        },
    }
}

/// A queue, and perhaps its slots.
#[derive(Debug, Clone)]
struct Served {
    name: String,
    slots: Option<usize>,
}

fn slots(text: &str) -> Result<usize, String> {
    let slots = text.parse().ok().filter(|slots| (1..=10_000).contains(slots));
    slots.ok_or_else(|| "a queue has 1 to 10,000 slots, as in `mail=4`".to_owned())
}

fn served(text: &str) -> Result<Served, String> {
    if text.contains('*') {
        return Err("weights are not there yet; `NAME=SLOTS` gives a queue slots of its own".to_owned());
    }
    let (name, slots) = match text.rsplit_once('=') {
        Some((name, number)) => (name, Some(slots(number)?)),
        None => (text, None),
    };
    Ok(Served { name: queue_name(name)?, slots })
}

impl Run for Work {
    const SPEC: Spec = Spec {
        noun: "queue",
        verb: "work",
        group: Group::Work,
        about: "Run jobs until told to stop",
        more: "Ctrl-C or SIGTERM: take no more, and let what runs end within --shutdown-timeout; a second one gives it back at once, a third aborts. SIGTSTP: take no more, and go on with what runs. SIGUSR1: print what runs. Under systemd it says when it is ready, and feeds the watchdog while it is healthy.",
        examples: [
            ("queue:work", "every queue, until Ctrl-C"),
            ("queue:work --queue mail=4,default --probe 0.0.0.0:7001", "two queues, with a probe"),
            ("queue:work --stop-when-empty --fail-fast", "drain, for a script: code 5 when a job fails for good"),
        ],
        needs_jobs: true,
    };

    async fn run(self, mut session: Session) -> Ended {
        log::to_stderr(&session.globals, log::Spans::Hidden);
        self.poll(&mut session)?;
        let probe = match self.probe {
            Some(address) => Some(work::probe::bind(address).await?),
            None => None,
        };
        let container = session.container()?;
        let queue = session.work().await?.install();
        let lines = match (self.quiet, self.json || session.output.format != Format::Table) {
            (true, _) => Lines::None,
            (_, true) => Lines::Json,
            _ => Lines::People,
        };
        let (builder, events) = work::watched(self.builder(&queue, container), lines);
        // Before anything runs: a signal from now on is heard, and ends nothing halfway.
        let signals = Signals::listen()?;
        let worker = builder.start().await?;
        let until = Until {
            is_empty: self.stop_when_empty || self.once,
            is_limit: self.once || self.max_jobs.is_some(),
            max_time: self.max_time,
            idle_for: self.idle_timeout,
            fails: self.fail_fast,
            tells_failures: self.once || self.stop_when_empty,
            grace: self.shutdown_timeout,
        };
        let code = work::run(&mut session, Working { worker, events, signals, probe }, until).await?;
        if self.stop_when_empty {
            tell_of_later(&mut session, &queue).await?;
        }
        match session.is_given() {
            true => queue.flush().await?,
            false => queue.shutdown().await?,
        }
        Ok(code)
    }
}

/// Says what waits for its time: an empty queue is not one without jobs.
async fn tell_of_later(session: &mut Session, queue: &Queue) -> Result<(), Failure> {
    let counts = queue.counts().await?;
    let (retries, scheduled) = (counts.total(JobState::Retryable), counts.total(JobState::Scheduled));
    for (count, what) in [(retries, "for another attempt"), (scheduled, "for its time")] {
        if count > 0 {
            session.output.say(format!("left: {} waiting {what}", jobs(count)));
        }
    }
    Ok(())
}

impl Work {
    /// Has the store be looked at as often as was said.
    fn poll(&self, session: &mut Session) -> Result<(), Failure> {
        let Some(poll) = self.poll else { return Ok(()) };
        let store = session.store()?;
        if !is_server(&store) {
            let text = format!("`{}:` is told of new jobs, or looks every 20 ms: it has no --poll", store.scheme());
            return Err(Failure::configuration(text));
        }
        session.settings.push(("poll", poll.as_millis()));
        Ok(())
    }

    fn builder(&self, queue: &Queue, container: Container) -> WorkerBuilder {
        let mut options = JobOptions::default();
        if let Some(timeout) = self.timeout {
            options = options.timeout(timeout.0);
        }
        match self.backoff.as_slice() {
            [] => {}
            [delay] => options = options.backoff(Backoff::Fixed { delay: *delay }),
            // It lives as long as the process, which has one worker.
            list => options = options.backoff(Backoff::List(Vec::leak(list.to_vec()))),
        }
        let mut builder = Worker::builder(queue, container).grace(self.shutdown_timeout).fallback(options);
        if !self.queue.is_empty() {
            builder = builder.only(self.queue.iter().map(|queue| queue.name.clone()));
        }
        for Served { name, slots } in &self.queue {
            if let Some(slots) = slots {
                builder = builder.queue(name.clone(), *slots);
            }
        }
        if !self.exclude.is_empty() {
            builder = builder.exclude(self.exclude.iter().cloned());
        }
        if let Some(slots) = self.concurrency {
            builder = builder.concurrency(slots);
        }
        if let Some(attempts) = self.tries {
            builder = builder.fallback_attempts(attempts);
        }
        if let Some(name) = &self.name {
            builder = builder.name(name.clone());
        }
        match (self.once, self.max_jobs) {
            (true, _) => builder.limit(1).concurrency(1),
            (false, Some(jobs)) => builder.limit(jobs),
            (false, None) => builder,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_may_have_slots() {
        let read = |text| served(text).map(|served| (served.name, served.slots));
        assert_eq!(read("mail"), Ok(("mail".to_owned(), None)));
        assert_eq!(read("mail=4"), Ok(("mail".to_owned(), Some(4))));
        assert_eq!(read("a=b=2"), Ok(("a=b".to_owned(), Some(2))));
        for wrong in ["mail=0", "mail=x", "=4", "mail*2", "mail=10001"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
