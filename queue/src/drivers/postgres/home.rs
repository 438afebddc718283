//! The thread on which the connections of a driver live: its runtime waits for their sockets, whoever talks on them.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::error::{Error, ErrorKind};

/// A runtime of its own, so that a connection outlives whatever runtime its user has, and is made where there is none.
#[derive(Debug, Clone)]
pub(super) struct Home {
    runtime: Handle,
    /// The thread ends when nobody has this any more.
    _stays: Arc<oneshot::Sender<()>>,
}

impl Home {
    pub(super) fn new() -> Result<Self, Error> {
        let failed =
            |error| Error::new(ErrorKind::Store, "the thread of the connections to Postgres did not start").with_source(error);
        let runtime = Builder::new_current_thread().enable_all().build().map_err(failed)?;
        let handle = runtime.handle().clone();
        let (stays, leaves) = oneshot::channel::<()>();
        let run = move || {
            let _ = runtime.block_on(leaves);
        };
        thread::Builder::new().name("queue-postgres".to_owned()).spawn(run).map_err(failed)?;
        Ok(Self { runtime: handle, _stays: Arc::new(stays) })
    }

    /// Runs something on the thread. It goes on when the answer is not awaited.
    pub(super) fn spawn<T: Send + 'static>(&self, task: impl Future<Output = T> + Send + 'static) -> JoinHandle<T> {
        self.runtime.spawn(task)
    }

    /// Waits for something, for so long at most. It works in any runtime, and outside of all.
    pub(super) async fn within<T>(&self, patience: Duration, event: impl Future<Output = T>) -> Option<T> {
        let limited = {
            let _entered = self.runtime.enter();
            tokio::time::timeout(patience, event)
        };
        limited.await.ok()
    }
}
