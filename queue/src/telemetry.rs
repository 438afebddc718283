//! What is measured: its names, and the guard around whoever records it; and what is said where nobody listens to the log.

use std::any::Any;
use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};

use tracing::dispatcher;
use tracing::subscriber::NoSubscriber;

/// Jobs that were stored, by `queue` and `kind`; a counter. A job pushed in a transaction does not count: nobody tells whether that commits.
pub(crate) const JOBS_PUSHED: &str = "queue_jobs_pushed_total";
/// Pushes that failed, awaited or not, by `queue` and `kind` of their first job; a counter.
pub(crate) const PUSHES_FAILED: &str = "queue_pushes_failed_total";
/// Runs that ended, by `queue`, `kind` and `outcome`; a counter.
pub(crate) const JOBS_ENDED: &str = "queue_jobs_ended_total";
/// How long runs took, by `queue` and `kind`; a histogram of seconds.
pub(crate) const JOB_RUN_SECONDS: &str = "queue_job_run_seconds";
/// Runs whose lease was lost before their outcome was stored; a counter.
pub(crate) const LEASES_LOST: &str = "queue_leases_lost_total";

/// Asks or tells the recorder of metrics, which is code of the user's. Where it panics, that is not measured, and nothing else is lost:
/// every word to it goes through here.
pub(crate) fn measured<T>(speak: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(speak)).map_err(recorder_panicked).ok()
}

/// Says once a process that it panicked; the hook of the process has said where.
#[cold]
fn recorder_panicked(panic: Box<dyn Any + Send>) {
    static SAID: AtomicBool = AtomicBool::new(false);
    let say = || tracing::error!("the recorder of metrics panicked: what it was told is not measured (said once)");
    // Whoever listens may panic too, and so may what was thrown, when it is dropped.
    if !SAID.swap(true, Ordering::Relaxed)
        && let Err(next) = catch_unwind(AssertUnwindSafe(say))
    {
        std::mem::forget(next);
    }
    if let Err(next) = catch_unwind(AssertUnwindSafe(|| drop(panic))) {
        std::mem::forget(next);
    }
}

/// Warns of jobs that a store in memory takes along with the process.
pub(crate) fn warn_of_what_dies(jobs: u64) {
    match jobs {
        0 => {}
        1 => tracing::warn!(jobs, "1 job in memory did not end, and dies with the process"),
        _ => tracing::warn!(jobs, "{jobs} jobs in memory did not end, and die with the process"),
    }
}

/// Says on standard error what was logged as an error and is lost, because this thread has no subscriber; once a process.
pub(crate) fn say_if_nobody_listens(error: &str) {
    static SAID: AtomicBool = AtomicBool::new(false);
    if dispatcher::get_default(|listener| !listener.is::<NoSubscriber>()) || SAID.swap(true, Ordering::Relaxed) {
        return;
    }
    // Not `eprintln!`, which panics where standard error is closed.
    let _ = writeln!(
        std::io::stderr(),
        "queue: {error} (said once: errors go to the log of `tracing`, and no subscriber is installed, \
         for example `tracing_subscriber::fmt::init()`)"
    );
}
