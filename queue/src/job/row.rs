//! A job as the store has it.

use std::time::SystemTime;

use serde_json::value::RawValue;

use super::message::shortened;
use super::{JobId, JobState, Queueable};
use crate::error::{Error, ErrorKind};

/// A job as the store has it, for looking.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct JobRow {
    /// Its id.
    pub id: JobId,
    /// The name of its type.
    pub kind: String,
    /// The version of its payload.
    pub version: u16,
    /// Its lane.
    pub queue: String,
    /// Where it is in its life.
    pub state: JobState,
    /// The attempts so far, a running one included.
    pub attempt: u32,
    /// How many it may have.
    pub max_attempts: u32,
    /// How often it was taken back from a dead worker.
    pub rescues: u32,
    /// Lower goes first.
    pub priority: u8,
    /// When it was pushed.
    pub created_at: SystemTime,
    /// When it is, or was, due.
    pub due_at: SystemTime,
    /// When its last run was fetched.
    pub started_at: Option<SystemTime>,
    /// When it became completed, failed or cancelled.
    pub finished_at: Option<SystemTime>,
    /// Its payload, byte for byte; `None` where the store no longer keeps it.
    pub payload: Option<Box<RawValue>>,
    /// What went wrong, oldest first. The memory driver keeps the first error of a job and the last 99.
    pub errors: Vec<AttemptError>,
    /// What the run said last of how far it is.
    pub progress: Option<Progress>,
    /// Words to find it by.
    pub tags: Vec<String>,
    /// What the pusher noted.
    pub meta: serde_json::Map<String, serde_json::Value>,
    /// While it is live: what no other live job has.
    pub unique_key: Option<String>,
    /// Who runs it, while it is running.
    pub worker: Option<String>,
}

impl JobRow {
    /// A row with what every job has; the rest is empty.
    #[must_use]
    pub fn new(id: JobId, kind: impl Into<String>, queue: impl Into<String>, state: JobState, at: SystemTime) -> Self {
        Self {
            id,
            kind: kind.into(),
            version: 1,
            queue: queue.into(),
            state,
            attempt: 0,
            max_attempts: 0,
            rescues: 0,
            priority: 0,
            created_at: at,
            due_at: at,
            started_at: None,
            finished_at: None,
            payload: None,
            errors: Vec::new(),
            progress: None,
            tags: Vec::new(),
            meta: serde_json::Map::new(),
            unique_key: None,
            worker: None,
        }
    }

    /// The payload as the type `J` reads it.
    ///
    /// # Errors
    ///
    /// When the store no longer keeps the payload, or it is not one of `J`; the text names the field.
    pub fn args<J: Queueable>(&self) -> Result<J::Args, Error> {
        let Some(payload) = &self.payload else {
            return Err(Error::new(ErrorKind::NotFound, format!("the store no longer keeps the payload of job {}", self.id)));
        };
        super::payload::decode::<J>(payload.get().as_bytes(), self.version).map_err(|error| {
            Error::new(ErrorKind::Invalid, format!("the payload of job {} is not one of `{}`", self.id, J::KIND))
                .with_source(error)
        })
    }
}

/// What went wrong in one attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AttemptError {
    /// Which attempt, from 1.
    pub attempt: u32,
    /// When it ended.
    pub at: SystemTime,
    /// The joined chain of the error, the text of a panic, or `timed out after 100ms`; at most 64 KiB.
    pub message: String,
}

impl AttemptError {
    /// What went wrong in an attempt.
    #[must_use]
    pub fn new(attempt: u32, at: SystemTime, message: impl Into<String>) -> Self {
        Self { attempt, at, message: message.into() }
    }
}

/// How far a run says it is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// 0 to 100.
    pub percent: u8,
    /// What it is doing; at most 64 KiB.
    pub message: String,
}

impl Progress {
    /// How far a run is; `percent` above 100 counts as 100, and a message over 64 KiB is cut.
    #[must_use]
    pub fn new(percent: u8, message: impl Into<String>) -> Self {
        Self { percent: percent.min(100), message: shortened(message.into()) }
    }
}
