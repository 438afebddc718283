//! The report of the boot check: what is wrong, or what a worker finds and serves.

use std::error::Error as StdError;
use std::fmt;

use crate::error::{Error, chain};

/// Why a worker did not start, or would not ([`Container::verify`](crate::Container::verify)): everything that is wrong.
///
/// `Display` and `Debug` are the whole report, because that is what `main` prints.
pub struct StartError {
    faults: Vec<String>,
    source: Option<Error>,
}

impl StartError {
    /// The faults, one text each.
    #[must_use]
    pub fn faults(&self) -> &[String] {
        &self.faults
    }

    pub(super) fn new(faults: Vec<String>) -> Self {
        Self { faults, source: None }
    }

    /// The only thing wrong, and it says nothing of the program.
    pub(super) fn of(error: Error) -> Self {
        Self { faults: vec![chain(&error)], source: Some(error) }
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.faults.len();
        write!(f, "the worker does not start: {count} {} wrong", if count == 1 { "thing is" } else { "things are" })?;
        for (index, fault) in self.faults.iter().enumerate() {
            write!(f, "\n{:>3}. {}", index + 1, fault.replace('\n', "\n     "))?;
        }
        Ok(())
    }
}

impl fmt::Debug for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl StdError for StartError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_ref().and_then(StdError::source)
    }
}

/// What a worker finds, and what it would serve: what [`start`](crate::worker::WorkerBuilder::start) logs, as data.
///
/// ```
/// use queue::worker::BootReport;
///
/// fn print(report: &BootReport) {
///     for job in &report.jobs {
///         println!("{} in {} ({}:{})", job.kind, job.queue, job.file, job.line);
///     }
///     for warning in &report.warnings {
///         println!("warning: {warning}");
///     }
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct BootReport {
    /// The jobs that it runs, by kind.
    pub jobs: Vec<BootJob>,
    /// The queues that it serves from the start, by name; those that come into being are added to them.
    pub queues: Vec<BootQueue>,
    /// What is perhaps not meant.
    pub warnings: Vec<BootWarning>,
}

/// A job that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct BootJob {
    /// The stable name.
    pub kind: &'static str,
    /// The Rust name of the type, with its path.
    pub type_name: &'static str,
    /// The file of the struct.
    pub file: &'static str,
    /// The line of the struct.
    pub line: u32,
    /// The lane that it declares.
    pub queue: &'static str,
}

/// A queue that is served.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct BootQueue {
    /// Its name.
    pub name: String,
    /// How many of its jobs run at once; `None` where that has no limit (`sync:`).
    pub slots: Option<usize>,
}

/// What is perhaps not meant. `Display` says what it means, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum BootWarning {
    /// The program is built with `panic = "abort"`.
    PanicAborts,
    /// Jobs of this kind wait, and the worker does not run it.
    UnknownKind {
        /// The kind.
        kind: String,
    },
    /// The worker names a queue that no registered job declares and the store does not have.
    UnknownQueue {
        /// Its name.
        queue: String,
        /// The known name that is nearest, if one is near.
        near: Option<String>,
    },
}

impl fmt::Display for BootWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PanicAborts => {
                f.write_str("the program is built with `panic = \"abort\"`: a panic in one job ends the whole process")
            }
            Self::UnknownKind { kind } => write!(
                f,
                "jobs of the kind `{kind}` wait, and this worker does not know it: is the crate that defines it linked? \
                 `use that_crate as _;` does it"
            ),
            Self::UnknownQueue { queue, near } => {
                write!(
                    f,
                    "this worker names the queue `{queue}`, which no registered job declares and the store does not have: \
                     only a push with `.queue(\"{queue}\")` brings jobs there"
                )?;
                near.as_ref().map_or(Ok(()), |near| write!(f, "; did you mean `{near}`?"))
            }
        }
    }
}
