//! What a queue may be called.

/// The longest name of a queue, in bytes.
pub(crate) const LONGEST: usize = 128;

/// Why a text cannot be the name of a queue. Every store, broker and command line bears what is left.
#[derive(Debug, thiserror::Error)]
pub(crate) enum QueueNameError {
    #[error("a queue name cannot be empty")]
    Empty,
    #[error("a queue name may be {LONGEST} bytes long at most, and this one has {0}")]
    Long(usize),
    #[error("a queue name may hold no control characters, as {0:?} does")]
    Control(String),
}

/// Whether a queue may have this name: 1 to 128 bytes, no control characters. All else is fine: spaces, quotes, any script.
pub(crate) fn check(name: &str) -> Result<(), QueueNameError> {
    if name.is_empty() {
        return Err(QueueNameError::Empty);
    }
    if name.len() > LONGEST {
        return Err(QueueNameError::Long(name.len()));
    }
    // Nearly every name passes the first test, which is quick.
    if !name.bytes().all(|byte| byte.is_ascii_graphic()) && name.chars().any(char::is_control) {
        return Err(QueueNameError::Control(name.to_owned()));
    }
    Ok(())
}
