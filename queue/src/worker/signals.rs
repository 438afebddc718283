//! What a process is told from outside.

use std::sync::Arc;

use crate::error::{Error, ErrorKind};

use super::handle::WorkerHandle;
use super::shared::Shared;

/// SIGINT and SIGTERM (on Windows Ctrl-C), listened to from [`listen`] on.
pub(super) struct Signals {
    worker: WorkerHandle,
    engine: tokio::runtime::Handle,
    received: tokio::sync::mpsc::UnboundedReceiver<()>,
    task: tokio::task::JoinHandle<()>,
}

/// Begins to listen: from now on a signal does not end the process by itself.
pub(super) fn listen(shared: &Arc<Shared>) -> Result<Signals, Error> {
    let (send, received) = tokio::sync::mpsc::unbounded_channel();
    let engine = shared.queue.engine();
    // Tokio's signals belong to a runtime; the engine's has I/O whatever the caller's has.
    let _entered = engine.enter();
    let mut source =
        Source::new().map_err(|error| Error::new(ErrorKind::Worker, "cannot listen to signals").with_source(error))?;
    let task = engine.spawn(async move {
        loop {
            source.next().await;
            if send.send(()).is_err() {
                return;
            }
        }
    });
    Ok(Signals { worker: WorkerHandle::of(shared), engine: engine.clone(), received, task })
}

#[cfg(unix)]
struct Source {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Source {
    fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

#[cfg(not(unix))]
struct Source;

#[cfg(not(unix))]
impl Source {
    #[expect(clippy::unnecessary_wraps, reason = "the same shape as on unix")]
    fn new() -> std::io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

impl Signals {
    /// Until the first signal, or until the store tells the worker to restart.
    pub(super) async fn first(&mut self) {
        tokio::select! {
            _ = self.received.recv() => {}
            () = self.worker.told_to_restart() => {}
        }
    }

    /// Heeds the second signal and the third while a stop goes on, until it is dropped.
    pub(super) fn hurry(self) -> Hurry {
        let Self { worker, engine, mut received, task } = self;
        let hurry = engine.spawn(async move {
            if received.recv().await.is_none() {
                return;
            }
            tracing::warn!("a second signal: what runs is given back at once; a third aborts");
            worker.hurry();
            if received.recv().await.is_some() {
                tracing::error!("a third signal: aborting");
                std::process::abort();
            }
        });
        Hurry { tasks: [task, hurry] }
    }
}

/// The tasks that heed further signals.
pub(super) struct Hurry {
    tasks: [tokio::task::JoinHandle<()>; 2],
}

impl Drop for Hurry {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}
