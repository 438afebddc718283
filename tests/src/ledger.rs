//! What processes did to a store, written down outside of it, so that it can be held against what the store says.
//!
//! Each process has a file of its own. A line is an entry, written by one call to the end of the file: what was written stays, whenever
//! the process is killed.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use queue::JobId;
use queue::drivers::Pushed;
use serde::{Deserialize, Serialize};

/// One line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// When, in microseconds since 1970. All processes of a ledger run on one machine.
    pub at: u64,
    /// Which process, by a number that no other one of the ledger has.
    pub process: u32,
    /// What.
    pub event: Event,
}

/// What a process did. A job goes by the number in its payload, which its pusher makes up before the store knows of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// It works on jobs, so many at once at most.
    Works {
        /// The slots of all its queues.
        slots: usize,
    },
    /// It is about to push a group.
    PushBegun(Offer),
    /// The store has confirmed a group.
    PushConfirmed {
        /// Its first job.
        job: u64,
        /// What the store answered for each; nothing for a tick that was stored before.
        stored: Vec<Stored>,
    },
    /// A group was answered with an error. It may be stored all the same, when the answer was lost.
    PushRefused {
        /// Its first job.
        job: u64,
        /// The whole chain.
        error: String,
    },
    /// A handler runs.
    RunBegun {
        /// A number that no other run of the process has.
        run: u64,
        /// The job.
        job: u64,
        /// The name of the job in the store.
        id: String,
        /// Which attempt the handler was told.
        attempt: u32,
    },
    /// A handler is about to answer, or was dropped.
    RunEnded {
        /// Which run of the process.
        run: u64,
        /// How.
        end: End,
    },
    /// The store has answered what became of the outcome of a run.
    Settled {
        /// Which run of the process.
        run: u64,
        /// Whether it is stored, and not lost.
        is_stored: bool,
    },
    /// It is about to retry a job by hand.
    RetryBegun {
        /// Which.
        id: String,
    },
    /// It is about to cancel a job.
    CancelBegun {
        /// Which.
        id: String,
    },
    /// It looked into the store.
    Saw {
        /// Which job.
        id: String,
        /// The word of its state.
        state: String,
    },
    /// It logged a warning or an error.
    Logged {
        /// The line.
        line: String,
    },
    /// What the process has at a quiet moment.
    Level(Level),
    /// It has ended, whoever says so.
    Ended,
}

/// A group that is offered to the store, all or none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    /// The numbers of its jobs.
    pub jobs: Vec<u64>,
    /// The unique key of its one job.
    pub key: Option<String>,
    /// The cron tick that it comes from.
    pub tick: Option<String>,
    /// Whether the transaction that stores it also leaves a mark of its one job.
    pub is_marked: bool,
}

/// What the store answered for one job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stored {
    /// Its name, or that of the one that was already there.
    pub id: String,
    /// Whether there was one.
    pub is_duplicate: bool,
}

impl From<&Pushed> for Stored {
    fn from(pushed: &Pushed) -> Self {
        Self { id: pushed.id.to_string(), is_duplicate: pushed.is_duplicate }
    }
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum End {
    /// With `Ok`.
    Done,
    /// With an error that is tried again.
    Error,
    /// With an error for good.
    Fail,
    /// With a snooze.
    Snooze,
    /// With a cancel of its own.
    Cancel,
    /// It was dropped before it answered.
    Dropped,
    /// With the error of a commit that would have completed the job: it may have been carried out, and its answer lost.
    Doubted,
}

/// What a process has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Level {
    /// Whether this is the end, and not the start.
    pub is_end: bool,
    /// Resident memory, in KiB.
    pub memory: u64,
    /// Open files.
    pub descriptors: u64,
    /// Threads.
    pub threads: u64,
}

/// The ledger of one process.
#[derive(Debug)]
pub struct Ledger {
    file: File,
    process: u32,
    next: AtomicU64,
}

impl Ledger {
    /// Goes on at the end of a file.
    ///
    /// # Errors
    ///
    /// When the file cannot be written.
    pub fn open(path: &Path, process: u32) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        Ok(Self { file, process, next: AtomicU64::new(1) })
    }

    /// A number for a job or a run: no other one of any process of the ledger has it.
    pub fn number(&self) -> u64 {
        (u64::from(self.process) << 32) + self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// Writes what this process does.
    ///
    /// # Panics
    ///
    /// When it cannot be written: a process without a ledger proves nothing.
    pub fn write(&self, event: Event) {
        self.write_of(self.process, event);
    }

    /// Writes what is known of another process.
    ///
    /// # Panics
    ///
    /// As [`write`](Ledger::write).
    pub fn write_of(&self, process: u32, event: Event) {
        let at = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_micros();
        let entry = Entry { at: u64::try_from(at).unwrap_or(u64::MAX), process, event };
        let mut line = serde_json::to_vec(&entry).expect("an entry is JSON");
        line.push(b'\n');
        (&self.file).write_all(&line).expect("the ledger can be written");
    }

    /// A handler runs: its end is written at the latest when the answer is dropped.
    pub fn run(self: &Arc<Self>, job: u64, id: JobId, attempt: u32) -> Run {
        let run = self.number();
        self.write(Event::RunBegun { run, job, id: id.to_string(), attempt });
        Run { ledger: Arc::clone(self), run, has_ended: false }
    }
}

/// A run that is under way.
#[derive(Debug)]
pub struct Run {
    ledger: Arc<Ledger>,
    run: u64,
    has_ended: bool,
}

impl Run {
    /// The handler is about to answer.
    pub fn ends(mut self, end: End) {
        self.has_ended = true;
        self.ledger.write(Event::RunEnded { run: self.run, end });
    }

    /// The handler was about to answer, and the commit that completes its job failed: it answers with this in place of what it said before.
    pub fn is_doubted(ledger: &Ledger, run: u64) {
        ledger.write(Event::RunEnded { run, end: End::Doubted });
    }

    /// Which run it is.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.run
    }

    /// The text of an error of this run: what the store keeps of it can be told from what another run said.
    #[must_use]
    pub fn error(&self) -> String {
        error_of(self.run)
    }
}

/// The text of an error of a run.
#[must_use]
pub fn error_of(run: u64) -> String {
    format!("run {run} failed")
}

impl Drop for Run {
    fn drop(&mut self) {
        if !self.has_ended {
            self.ledger.write(Event::RunEnded { run: self.run, end: End::Dropped });
        }
    }
}

/// What all processes that have their ledger in this folder did, in the order of time. A last line that is not whole was never written.
///
/// # Errors
///
/// When a file cannot be read, or a whole line is none of a ledger.
pub fn read(folder: &Path) -> io::Result<Vec<Entry>> {
    let mut entries = Vec::new();
    for file in std::fs::read_dir(folder)? {
        let text = std::fs::read_to_string(file?.path())?;
        for line in text.split_inclusive('\n').filter(|line| line.ends_with('\n')) {
            entries.push(serde_json::from_str::<Entry>(line)?);
        }
    }
    // Stable: what one process wrote in one microsecond stays in its order.
    entries.sort_by_key(|entry| entry.at);
    Ok(entries)
}
