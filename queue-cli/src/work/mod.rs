//! A worker on the command line: what it says of its jobs, when it stops, and with which code.

mod lines;
pub(crate) mod probe;
pub(crate) mod signals;
mod systemd;

use std::time::{Duration, Instant};

use queue::worker::{WorkerBuilder, WorkerHandle};
use queue::{StopReport, Worker};
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

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
    Done,
    Failed,
}

/// Lets a worker work until something ends it. Answers the code to end with.
pub(crate) async fn run(session: &mut Session, working: Working, until: Until) -> Result<u8, Failure> {
    let Working { worker, events, mut signals, probe } = working;
    let handle = worker.handle();
    let probe = probe.map(|listener| tokio::spawn(probe::serve(listener, handle.clone())));
    let watchdog = tokio::spawn(systemd::feed(handle.clone()));
    systemd::ready();
    let Events { mut received, lines } = events;
    let mut printer = Printer::new(lines, until.tells_failures);
    let reason = work(session, &handle, &mut received, &mut printer, &mut signals, until).await;
    systemd::stopping();
    match reason {
        Reason::Signal => session.output.say("stopping: what runs may end; a second signal gives it back at once"),
        Reason::Restart => session.output.say("stopping: told to restart"),
        Reason::Done | Reason::Failed => {}
    }
    let begun = Instant::now();
    let mut hurried = None;
    let mut stopping = std::pin::pin!(worker.shutdown(until.grace));
    let report = loop {
        tokio::select! {
            report = &mut stopping => break report,
            Some(event) = received.recv() => printer.print(session, event),
            signal = signals.next() => match (signal.code(), hurried) {
                (Some(code), None) => {
                    session.output.say("a second signal: what runs is given back; a third aborts");
                    handle.hurry();
                    hurried = Some(code);
                }
                (Some(_), Some(_)) => std::process::abort(),
                (None, _) => tell_running(session, &handle),
            },
        }
    };
    // Nothing runs any more, so this is all.
    while let Ok(event) = received.try_recv() {
        printer.print(session, event);
    }
    watchdog.abort();
    if let Some(probe) = probe {
        probe.abort();
    }
    printer.end(session);
    tell_report(session, &report);
    let gave_back = begun.elapsed() >= until.grace && (report.released > 0 || report.abandoned > 0);
    Ok(match (hurried, gave_back, reason) {
        (Some(code), ..) => code,
        (None, true, _) => exit::GAVE_BACK,
        (None, false, Reason::Failed) => exit::JOBS_FAILED,
        _ if until.fails && printer.failed > 0 => exit::JOBS_FAILED,
        _ => exit::DONE,
    })
}

/// Until there is a reason to stop.
async fn work(
    session: &mut Session,
    handle: &WorkerHandle,
    events: &mut UnboundedReceiver<Event>,
    printer: &mut Printer,
    signals: &mut Signals,
    until: Until,
) -> Reason {
    let mut over = std::pin::pin!(after(until.max_time));
    let mut quiet_since = tokio::time::Instant::now();
    loop {
        let idle_over = until.idle_for.map(|time| quiet_since + time);
        tokio::select! {
            biased;
            signal = signals.next() => match signal {
                Signal::Interrupt | Signal::Terminate => return Reason::Signal,
                Signal::Quiet => {
                    handle.quiet();
                    session.output.say("quiet: it takes no more jobs");
                }
                Signal::Report => tell_running(session, handle),
            },
            Some(event) = events.recv() => {
                printer.print(session, event);
                quiet_since = tokio::time::Instant::now();
                if until.fails && printer.failed > 0 {
                    return Reason::Failed;
                }
            }
            () = handle.told_to_restart() => return Reason::Restart,
            () = handle.limit_reached(), if until.is_limit => return Reason::Done,
            () = handle.idle(), if until.is_empty => return Reason::Done,
            () = &mut over => return Reason::Done,
            () = at(idle_over) => {
                if handle.running().is_empty() {
                    return Reason::Done;
                }
                // Something runs for long, and that is not idle.
                quiet_since = tokio::time::Instant::now();
            }
        }
    }
}

async fn after(time: Option<Duration>) {
    match time {
        Some(time) => tokio::time::sleep(time).await,
        None => std::future::pending().await,
    }
}

async fn at(time: Option<tokio::time::Instant>) {
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
