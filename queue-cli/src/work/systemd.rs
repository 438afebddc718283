//! What a service manager is told, where there is one.

use queue::worker::WorkerHandle;

#[cfg(target_os = "linux")]
mod told {
    use sd_notify::NotifyState;

    use super::WorkerHandle;

    /// A service manager that cannot be told is none.
    fn tell(state: NotifyState<'_>) {
        if let Err(error) = sd_notify::notify(&[state]) {
            tracing::warn!(%error, "the service manager cannot be told");
        }
    }

    /// The worker works.
    pub(crate) fn ready() {
        tell(NotifyState::Ready);
    }

    /// It stops.
    pub(crate) fn stopping() {
        tell(NotifyState::Stopping);
    }

    /// Feeds the watchdog twice in its time, while the worker is healthy.
    pub(crate) async fn feed(handle: WorkerHandle) {
        let Some(time) = sd_notify::watchdog_enabled() else { return };
        let mut beat = tokio::time::interval(time / 2);
        loop {
            beat.tick().await;
            if handle.health().is_healthy() {
                tell(NotifyState::Watchdog);
            }
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod told {
    use super::WorkerHandle;

    pub(crate) fn ready() {}

    pub(crate) fn stopping() {}

    pub(crate) async fn feed(_handle: WorkerHandle) {}
}

pub(super) use told::{feed, ready, stopping};
