//! Why a command did not do what it was asked.

use std::fmt;
use std::io;

pub(crate) use queue::chain;
use queue::{Error, ErrorKind, PushError, StartError};

use crate::exit;

/// Why a command did not do what it was asked: a text for people, and a code for scripts.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) code: u8,
    /// Empty where everything is said already.
    text: String,
    /// What to do now.
    hint: Option<String>,
}

impl Failure {
    pub(crate) fn new(code: u8, text: impl Into<String>) -> Self {
        Self { code, text: text.into(), hint: None }
    }

    /// A command line that cannot be meant.
    pub(crate) fn usage(text: impl Into<String>) -> Self {
        Self::new(exit::USAGE, text)
    }

    /// A setting that cannot be meant.
    pub(crate) fn configuration(text: impl Into<String>) -> Self {
        Self::new(exit::CONFIGURATION, text)
    }

    /// All is said; only the code is left.
    pub(crate) fn said(code: u8) -> Self {
        Self::new(code, "")
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)?;
        match &self.hint {
            Some(hint) => write!(f, "\nhint: {hint}"),
            None => Ok(()),
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let code = match error.kind() {
            ErrorKind::Unavailable | ErrorKind::Timeout => exit::NOT_REACHABLE,
            ErrorKind::Invalid | ErrorKind::Unsupported => exit::CONFIGURATION,
            ErrorKind::NotFound => exit::NOTHING,
            _ => exit::FAILED,
        };
        Self::new(code, chain(&error))
    }
}

impl From<PushError> for Failure {
    fn from(error: PushError) -> Self {
        let code = match error {
            PushError::Unavailable { .. } => exit::NOT_REACHABLE,
            _ => exit::FAILED,
        };
        Self::new(code, chain(&error))
    }
}

impl From<StartError> for Failure {
    fn from(error: StartError) -> Self {
        Self::new(exit::CHECK_FAILED, error.to_string())
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            // Whoever read has enough.
            io::ErrorKind::BrokenPipe => Self::said(exit::DONE),
            _ => Self::new(exit::FAILED, format!("cannot write: {error}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_of_error_has_its_code() {
        let code = |kind| Failure::from(Error::new(kind, "x")).code;
        assert_eq!(code(ErrorKind::Unavailable), 69);
        assert_eq!(code(ErrorKind::Invalid), 78);
        assert_eq!(code(ErrorKind::NotFound), 3);
        assert_eq!(code(ErrorKind::Store), 1);
        assert_eq!(Failure::from(io::Error::from(io::ErrorKind::BrokenPipe)).code, 0);
    }

    #[test]
    fn a_hint_stands_on_a_line_of_its_own() {
        assert_eq!(Failure::usage("no").hint("yes").to_string(), "no\nhint: yes");
    }
}
