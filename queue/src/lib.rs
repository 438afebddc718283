//! Background jobs: a job is a struct, its services are injected, its arguments are typed.
//!
//! ```standalone_crate
//! use queue::prelude::*;
//! use std::{sync::Arc, time::Duration};
//!
//! struct Mailer { from: &'static str }
//!
//! #[derive(Queueable)]
//! struct SendWelcomeEmail {
//!     #[inject] mailer: Arc<Mailer>, // a service: the container gives it when the job runs
//!     to: String,                    // everything else is the payload: it is stored with the job
//! }
//!
//! impl Job for SendWelcomeEmail {
//!     async fn handle(&self) -> JobResult {
//!         println!("{} welcomes {}", self.mailer.from, self.to);
//!         Ok(())
//!     }
//! }
//!
//! #[tokio::main]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let container = Container::builder().instance(Arc::new(Mailer { from: "us@example.org" })).build();
//!     let queue = Queue::connect("memory:").await?.install();
//!     let worker = Worker::builder(&queue, container).start().await?;
//!     let pushed = SendWelcomeEmail::with(String::from("ada@example.org")).push().await?;
//!     println!("the job has {}", queue.wait(pushed.id, Duration::from_secs(10)).await?.state);
//!     worker.shutdown(Duration::from_secs(5)).await;
//!     Ok(())
//! }
//! ```
//!
//! | how do I .. | |
//! |---|---|
//! | say how a job is run: queue, attempts, timeout, backoff | the derive [`Queueable`](derive@Queueable) |
//! | decide by code when it is tried again, or hear that it failed | [`Job::backoff`], [`Job::failed`] |
//! | say more than "an error": retry in, fail, snooze, cancel | [`JobError`] |
//! | do work that blocks | [`BlockingJob`] |
//! | bind a service: a value, a constructor, a trait, one for each run | [`ContainerBuilder`] |
//! | see that every job has its services, in a test | [`Container::verify`] |
//! | say when, where and how urgently a pushed job runs | [`Pending`] |
//! | push several, all or none, or in bulk | [`Queue::push`], [`Queue::dispatch`], [`Queue::dispatch_all`] |
//! | push without awaiting, or from a plain thread | [`Push`] |
//! | know whether a unique job was there already | [`Pushed::is_duplicate`] |
//! | know the run inside of a handler: id, attempt, cancellation, progress | [`JobContext`] |
//! | set slots, threads and grace of a worker | [`WorkerBuilder`](worker::WorkerBuilder) |
//! | look at jobs, count, cancel, pause | [`Queue::jobs`], [`Queue::counts`], [`Queue::cancel`], [`Queue::pause`] |
//! | try failed jobs again, one or many | [`Queue::retry`], [`Queue::retry_all`] |
//! | have jobs survive the process, in a file | `sqlite:`, at [`Queue::connect`], with the feature `sqlite` |
//! | push in a transaction of my own data, or end the job in it | [`Pending::push_in`], [`JobContext::complete_in`] |
//! | run jobs in step with a test or a script | `sync:`, at [`Queue::connect`] |
//! | keep jobs elsewhere | [`Driver`](drivers::Driver) |
//!
//! Failed attempts, failed jobs and lost pushes are logged with `tracing`: a program without a subscriber does not see them.

pub mod clock;
pub mod connect;
pub mod container;
pub mod drivers;
mod error;
pub mod job;
pub mod nearest;
mod park;
pub mod prelude;
pub mod queue;
pub mod registry;
mod sync;
mod telemetry;
#[cfg(feature = "conformance")]
pub mod testing;
pub mod worker;

#[doc(inline)]
pub use clock::Clock;
#[doc(inline)]
pub use container::{Container, ContainerBuilder, FromContainer, Lazy, Provider};
#[doc(inline)]
pub use drivers::{PushError, Pushed};
#[doc(inline)]
pub use error::{BoxError, Error, ErrorKind, chain};
#[doc(inline)]
pub use job::{BlockingJob, CancelReason, Job, JobContext, JobError, JobId, JobResult, JobRow, JobState, Queueable};
#[doc(inline)]
pub use queue::{Pending, Push, PushSet, Queue};
#[cfg(feature = "macros")]
#[doc(inline)]
pub use queue_macros::{FromContainer, Queueable};
#[doc(inline)]
pub use registry::Registry;
#[doc(inline)]
pub use worker::{StartError, StopReport, Worker};

/// What the derive writes paths into. Not for people: it changes without notice.
#[doc(hidden)]
pub mod __private {
    pub use crate::__expand as expand;
    pub use crate::container::{Cloned, Dependencies, Dependency, FromContainer, InjectNamed, ResolveError, Scope};
    pub use crate::job::field::{PayloadBound, PayloadField, ReadArgs, next_key, read_args};
    pub use crate::job::in_arc::{AnyInArc, InArc};
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
