//! What a file with jobs needs: `use queue::prelude::*`.

pub use crate::{BlockingJob, Container, Job, JobContext, JobError, JobResult, Queue, Queueable, Worker};
