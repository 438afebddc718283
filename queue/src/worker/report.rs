//! The report of the boot check.

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
