//! What the commands print: names and forms of fields that scripts may rely on.

mod job;
mod queue;
mod worker;

pub(crate) use job::JobRecord;
pub(crate) use queue::QueueRecord;
pub(crate) use worker::WorkerRecord;
