//! A worker on the command line: what it says of its jobs, when it stops, and with which code.

mod lines;
pub(crate) mod probe;
pub(crate) mod signals;
mod systemd;

use std::time::Duration;

use queue::worker::{WorkerBuilder, WorkerHandle};
use queue::{StopReport, Worker};
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::Instant;

use crate::exit;
use crate::failure::Failure;
use crate::session::Session;

pub(crate) use lines::Lines;
use lines::{Event, Printer};
pub(crate) use signals::{Signal, Signals};

/// When the worker stops by itself.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Until {
    /// Nothing is available any more.
    pub(crate) is_empty: bool,
    /// It has run as many jobs as it may.
    pub(crate) is_limit: bool,
    pub(crate) max_time: Option<Duration>,
    /// Nothing has run for so long.
    pub(crate) idle_for: Option<Duration>,
    /// A job has failed for good.
    pub(crate) fails: bool,
    /// At the end the errors are told once more, whole.
    pub(crate) tells_failures: bool,
    pub(crate) grace: Duration,
}

/// The events of a worker, as they come.
pub(crate) struct Events {
    received: UnboundedReceiver<Event>,
    lines: Lines,
}

/// Has a worker tell what happens to its jobs.
pub(crate) fn watched(builder: WorkerBuilder, lines: Lines) -> (WorkerBuilder, Events) {
    // Handlers must not wait for whoever reads the lines.
    let (send, received) = unbounded_channel();
    let started = send.clone();
    let builder = match lines {
        Lines::None => builder,
        Lines::People | Lines::Json => builder.on_start(move |row| drop(started.send(Event::started(row)))),
    };
    (builder.on_end(move |row, outcome, took| drop(send.send(Event::ended(row, outcome, took)))), Events { received, lines })
}

/// A worker that has started, and what is heard of it and told to it.
pub(crate) struct Working {
    pub(crate) worker: Worker,
    pub(crate) events: Events,
    pub(crate) signals: Signals,
    pub(crate) probe: Option<TcpListener>,
}

/// Why it stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reason {
    Signal,
    Restart,
    /// What it was started for is done, or a job failed that ends it.
    Done,
}

/// Lets a worker work until something ends it. Answers the code to end with.
pub(crate) async fn run(session: &mut Session, working: Working, until: Until) -> Result<u8, Failure> {
    let Working { worker, events: Events { received, lines }, signals, probe } = working;
    let handle = worker.handle();
    let probe = probe.map(|listener| tokio::spawn(probe::serve(listener, handle.clone())));
    let watchdog = tokio::spawn(systemd::feed(handle.clone()));
    systemd::ready();
    let printer = Printer::new(lines, until.tells_failures);
    let mut watch = Watch { session, handle, received, printer, signals, until };
    let reason = watch.until_reason().await;
    systemd::stopping();
    match reason {
        Reason::Signal => watch.session.output.say("stopping: what runs may end; a second signal gives it back at once"),
        Reason::Restart => watch.session.output.say("stopping: told to restart"),
        Reason::Done => {}
    }
    let code = watch.until_stopped(worker).await;
    watchdog.abort();
    if let Some(probe) = probe {
        probe.abort();
    }
    Ok(code)
}

/// Who watches a worker, from its start to its end.
struct Watch<'a> {
    session: &'a mut Session,
    handle: WorkerHandle,
    received: UnboundedReceiver<Event>,
    printer: Printer,
    signals: Signals,
    until: Until,
}

impl Watch<'_> {
    /// Until there is a reason to stop.
    async fn until_reason(&mut self) -> Reason {
        let (until, started) = (self.until, Instant::now());
        let over = until.max_time.map(|time| started + time);
        let mut quiet_since = started;
        loop {
            tokio::select! {
                biased;
                signal = self.signals.next() => match signal {
                    Signal::Interrupt | Signal::Terminate => return Reason::Signal,
                    Signal::Quiet => {
                        self.handle.quiet();
                        self.session.output.say("quiet: it takes no more jobs");
                    }
                    Signal::Report => tell_running(self.session, &self.handle),
                },
                Some(event) = self.received.recv() => {
                    self.printer.print(self.session, event);
                    quiet_since = Instant::now();
                    if self.has_failed() {
                        return Reason::Done;
                    }
                }
                () = self.handle.told_to_restart() => return Reason::Restart,
                () = self.handle.limit_reached(), if until.is_limit => return Reason::Done,
                () = self.handle.idle(), if until.is_empty => return Reason::Done,
                () = at(over) => return Reason::Done,
                () = at(until.idle_for.map(|time| quiet_since + time)) => {
                    if self.handle.running().is_empty() {
                        return Reason::Done;
                    }
                    // Something runs for long, and that is not idle.
                    quiet_since = Instant::now();
                }
            }
        }
    }

    /// Whether a job has failed that ends the worker.
    fn has_failed(&self) -> bool {
        self.until.fails && self.printer.failed > 0
    }

    /// Stops the worker, and tells what came of that. Answers the code to end with.
    async fn until_stopped(&mut self, worker: Worker) -> u8 {
        let (begun, grace) = (Instant::now(), self.until.grace);
        let mut hurried = None;
        let mut stopping = std::pin::pin!(worker.shutdown(grace));
        let report = loop {
            tokio::select! {
                report = &mut stopping => break report,
                Some(event) = self.received.recv() => self.printer.print(self.session, event),
                signal = self.signals.next() => match (signal.code(), hurried) {
                    (Some(code), None) => {
                        self.session.output.say("a second signal: what runs is given back; a third aborts");
                        self.handle.hurry();
                        hurried = Some(code);
                    }
                    (Some(_), Some(_)) => std::process::abort(),
                    (None, _) => tell_running(self.session, &self.handle),
                },
            }
        };
        // Nothing runs any more, so this is all.
        while let Ok(event) = self.received.try_recv() {
            self.printer.print(self.session, event);
        }
        self.printer.end(self.session);
        tell_report(self.session, &report);
        let gave_back = begun.elapsed() >= grace && (report.released > 0 || report.abandoned > 0);
        match hurried {
            Some(code) => code,
            None if gave_back => exit::GAVE_BACK,
            None if self.has_failed() => exit::JOBS_FAILED,
            None => exit::DONE,
        }
    }
}

/// At this time, if there is one.
async fn at(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time).await,
        None => std::future::pending().await,
    }
}

fn tell_running(session: &mut Session, handle: &WorkerHandle) {
    let running = handle.running();
    session.output.say(format!("{} running", crate::bulk::jobs(running.len() as u64)));
    for job in running {
        session.output.say(lines::running(&job));
    }
}

fn tell_report(session: &mut Session, report: &StopReport) {
    if report.released > 0 || report.abandoned > 0 {
        let StopReport { completed, released, abandoned, .. } = report;
        session.output.say(format!("stopped: {completed} completed meanwhile, {released} given back, {abandoned} abandoned"));
    }
}
