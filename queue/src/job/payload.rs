//! The payload: JSON text, kept byte for byte.

use std::sync::Arc;

use serde::Serialize;

use super::Queueable;
use crate::error::BoxError;

/// The bytes of a payload, shared by everybody who looks at them.
pub type Payload = Arc<[u8]>;

/// The most that a payload may have, in bytes; what is stored with it (tags, meta, unique key) counts.
pub const MAX_PAYLOAD: usize = 1024 * 1024;

/// Encodes arguments as the JSON object that is stored.
///
/// # Errors
///
/// What serde says, for example of a map whose keys are no strings.
pub fn encode<A: Serialize>(args: &A) -> Result<Payload, serde_json::Error> {
    thread_local! {
        // Grown once a thread; the copy into the `Arc` is the only allocation of a push.
        static BUFFER: std::cell::RefCell<Vec<u8>> = const { std::cell::RefCell::new(Vec::new()) };
    }
    BUFFER.with(|buffer| match buffer.try_borrow_mut() {
        Ok(mut buffer) => {
            buffer.clear();
            serde_json::to_writer(&mut *buffer, args)?;
            let payload = Arc::from(buffer.as_slice());
            // One huge payload must not pin its size on the thread for good.
            if buffer.capacity() > 64 * 1024 {
                *buffer = Vec::new();
            }
            Ok(payload)
        }
        // A `Serialize` that itself encodes a job.
        Err(_) => serde_json::to_vec(args).map(Arc::from),
    })
}

/// Reads a stored payload as the arguments of `J`, upgraded where an older version stored it.
///
/// # Errors
///
/// With the path of the field that does not fit.
pub fn decode<J: Queueable>(payload: &[u8], version: u16) -> Result<J::Args, DecodeError> {
    if version < J::OPTIONS.version {
        let value = serde_json::from_slice(payload).map_err(|error| DecodeError::new(None, error.into()))?;
        let value = J::upgrade(value, version).map_err(|source| DecodeError::Upgrade { from: version, source })?;
        return serde_path_to_error::deserialize(value).map_err(DecodeError::from_path);
    }
    // The path costs time, so it is looked for only when there is an error to place.
    serde_json::from_slice(payload).map_err(|first| {
        let mut reader = serde_json::Deserializer::from_slice(payload);
        match serde_path_to_error::deserialize::<_, J::Args>(&mut reader) {
            Err(error) => DecodeError::from_path(error),
            Ok(_) => DecodeError::new(None, first.into()),
        }
    })
}

/// A payload that its type cannot read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// A field does not fit, or the text is no JSON.
    #[error("the payload cannot be decoded{}", .path.as_ref().map(|path| format!(" at `{path}`")).unwrap_or_default())]
    Field {
        /// Where, as `user.address[2].zip`; `None` when the text as a whole is no JSON.
        path: Option<String>,
        /// What serde says.
        #[source]
        source: BoxError,
    },
    /// The function named by `upgrade = ..` refused.
    #[error("the payload of version {from} could not be upgraded")]
    Upgrade {
        /// The stored version.
        from: u16,
        /// What the function said.
        #[source]
        source: BoxError,
    },
}

impl DecodeError {
    fn new(path: Option<String>, source: BoxError) -> Self {
        Self::Field { path, source }
    }

    fn from_path(error: serde_path_to_error::Error<serde_json::Error>) -> Self {
        let path = error.path().to_string();
        Self::new((path != ".").then_some(path), error.into_inner().into())
    }
}
