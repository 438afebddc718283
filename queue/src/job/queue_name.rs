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
    if !is_plain(name) && name.chars().any(char::is_control) {
        return Err(QueueNameError::Control(name.to_owned()));
    }
    Ok(())
}

/// Whether a name is certainly one: the compiler can say so of nearly every attribute.
pub(crate) const fn is_plain(name: &str) -> bool {
    let bytes = name.as_bytes();
    let mut index = 0;
    while index < bytes.len() {
        if !bytes[index].is_ascii_graphic() {
            return false;
        }
        index += 1;
    }
    !bytes.is_empty() && bytes.len() <= LONGEST
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_plain_is_a_name() {
        let long = "x".repeat(LONGEST);
        for name in ["mail", "tenant:42/eu", "%", &long] {
            assert!(is_plain(name) && check(name).is_ok(), "{name}");
        }
        for name in ["a b", "größe"] {
            assert!(!is_plain(name) && check(name).is_ok(), "{name}");
        }
        for name in ["", "a\n", "\u{7f}", "\u{85}", &format!("{long}x")] {
            assert!(!is_plain(name) && check(name).is_err(), "{name}");
        }
    }
}
