//! Background jobs: a job is a struct, its services are injected, its arguments are typed.

pub mod clock;
pub mod connect;
pub mod container;
pub mod drivers;
mod error;
pub mod job;
pub mod prelude;
pub mod queue;
pub mod registry;
mod sync;
mod telemetry;
#[cfg(feature = "conformance")]
pub mod testing;
pub mod worker;

pub use clock::Clock;
pub use container::{Container, ContainerBuilder, FromContainer, Lazy, Provider};
pub use drivers::{PushError, Pushed};
pub use error::{BoxError, Error, ErrorKind};
pub use job::{BlockingJob, CancelReason, Job, JobContext, JobError, JobId, JobResult, JobRow, JobState, Queueable};
pub use queue::{Pending, Push, PushSet, Queue};
#[cfg(feature = "macros")]
pub use queue_macros::{FromContainer, Queueable};
pub use registry::Registry;
pub use worker::{StartError, StopReport, Worker};

/// What the derive writes paths into. Not for people: it changes without notice.
#[doc(hidden)]
pub mod __private {
    pub use crate::__expand as expand;
    pub use crate::container::{Cloned, Dependencies, Dependency, FromContainer, InjectNamed, ResolveError, Scope};
    pub use crate::job::field::{PayloadBound, PayloadField, ReadArgs, next_key, read_args};
    pub use crate::job::{Backoff, JobOptions, Unique};
    pub use crate::queue::push::{JobList, WithoutPayload};
    pub use crate::registry::Entry;
    pub use inventory;
    pub use serde;
    pub use serde_json;
}

/// What the derive puts around its code: where the path to it is wrong, nothing of the code is looked at.
#[doc(hidden)]
#[macro_export]
macro_rules! __expand {
    ($($code:tt)*) => { $($code)* };
}
