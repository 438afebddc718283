//! The names of what is measured.

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
