//! The payload: JSON text, kept byte for byte.

use std::io;
use std::sync::Arc;

use serde::Serialize;
use serde_json::ser::Formatter;

use super::Queueable;
use super::flaw::{self, Flaw};
use crate::error::BoxError;

/// The bytes of a payload, shared by everybody who looks at them.
pub type Payload = Arc<[u8]>;

/// The most that a payload may have, in bytes; what is stored with it (tags, meta, unique key) counts.
pub const MAX_PAYLOAD: usize = 1024 * 1024;

/// How deep the JSON of a payload may nest: what serde_json reads.
pub const MAX_NESTING: usize = 127;

/// Encodes arguments as the JSON object that is stored.
///
/// # Errors
///
/// [`EncodeError`] for what JSON cannot say, and for what could not be read again.
pub fn encode<A: Serialize>(args: &A) -> Result<Payload, EncodeError> {
    thread_local! {
        // Grown once a thread; the copy into the `Arc` is the only allocation of a push.
        static BUFFER: std::cell::RefCell<Vec<u8>> = const { std::cell::RefCell::new(Vec::new()) };
    }
    let shared = BUFFER.try_with(|buffer| {
        let mut buffer = buffer.try_borrow_mut().ok()?;
        buffer.clear();
        let payload = write(&mut buffer, args).map(|()| Arc::from(buffer.as_slice()));
        // One huge payload must not pin its size on the thread for good.
        if buffer.capacity() > 64 * 1024 {
            *buffer = Vec::new();
        }
        Some(payload)
    });
    if let Ok(Some(payload)) = shared {
        return payload;
    }
    // A `Serialize` that itself encodes a job, or a thread that is ending and has no buffer any more.
    let mut buffer = Vec::new();
    write(&mut buffer, args)?;
    Ok(Arc::from(buffer))
}

fn write<A: Serialize>(buffer: &mut Vec<u8>, args: &A) -> Result<(), EncodeError> {
    let mut seen = Seen::default();
    let written = args.serialize(&mut serde_json::Serializer::with_formatter(buffer, Watch(&mut seen)));
    // serde_json writes a number that JSON has not as `null`, so it is looked for only where one was written.
    if written.is_ok() && !seen.has_null {
        return Ok(());
    }
    match (flaw::find(args), written) {
        (Some((path, Flaw::NotFinite(value))), _) => Err(EncodeError::NotFinite { path, value }),
        (_, Ok(())) => Ok(()),
        (found, Err(_)) if seen.is_too_deep => {
            // As deep as it is, its end says least.
            let path = found.map_or_else(String::new, |(path, _)| path);
            let start: String = path.chars().take(64).collect();
            let path = if start.len() < path.len() { format!("{start}…") } else { start };
            Err(EncodeError::TooDeep { path })
        }
        (Some((path, _)), Err(source)) if path != "." => Err(EncodeError::Field { path, source }),
        (_, Err(source)) => Err(EncodeError::Json(source)),
    }
}

/// Writes JSON as serde_json does, and refuses what nests deeper than that reads.
struct Watch<'a>(&'a mut Seen);

#[derive(Default)]
struct Seen {
    depth: usize,
    has_null: bool,
    is_too_deep: bool,
}

impl Watch<'_> {
    fn down(&mut self) -> io::Result<()> {
        self.0.depth += 1;
        self.0.is_too_deep = self.0.depth > MAX_NESTING;
        // What it says is replaced by what `write` makes of it.
        if self.0.is_too_deep { Err(io::ErrorKind::InvalidData.into()) } else { Ok(()) }
    }
}

impl Formatter for Watch<'_> {
    fn begin_array<W: io::Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.down()?;
        writer.write_all(b"[")
    }

    fn end_array<W: io::Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.depth -= 1;
        writer.write_all(b"]")
    }

    fn begin_object<W: io::Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.down()?;
        writer.write_all(b"{")
    }

    fn end_object<W: io::Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.depth -= 1;
        writer.write_all(b"}")
    }

    fn write_null<W: io::Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.has_null = true;
        writer.write_all(b"null")
    }
}

/// Arguments that cannot be stored, or that could not be read again.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// A number that is infinite or none at all.
    #[error("`{path}` is {value}, and JSON has no such number: make the field an `Option`, or store it as text")]
    NotFinite {
        /// Where, as `samples[2].mean`.
        path: String,
        /// The number.
        value: f64,
    },
    /// Values in values in values.
    #[error("`{path}` nests deeper than the {MAX_NESTING} levels that can be read again: flatten it, or push a reference to it")]
    TooDeep {
        /// Where it begins.
        path: String,
    },
    /// A field that is no JSON, for example a map whose keys are no text.
    #[error("the field `{path}`")]
    Field {
        /// Where, as `samples[2].mean`.
        path: String,
        /// What serde says.
        #[source]
        source: serde_json::Error,
    },
    /// The same of the whole.
    #[error(transparent)]
    Json(serde_json::Error),
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
        // A key that is no text has no name.
        Self::new((path != "." && path != "?").then_some(path), error.into_inner().into())
    }
}
