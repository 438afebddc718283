//! What the process logs, kept for tests. One log for all tests of a target, so a test looks for words of its own.

use std::fmt::{self, Write as _};
use std::sync::{Mutex, Once, PoisonError};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

static LINES: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Gives each line of this level, or a worse one, to a function.
struct Gives<F> {
    level: Level,
    line: F,
}

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let _ = match field.name() {
            "message" => write!(self.0, " {value:?}"),
            name => write!(self.0, " {name}={value:?}"),
        };
    }
}

impl<F: Fn(String) + 'static> Subscriber for Gives<F> {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= self.level
    }

    fn new_span(&self, _span: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _span: &Id, _values: &Record<'_>) {}

    fn record_follows_from(&self, _span: &Id, _follows: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut line = Line(event.metadata().level().to_string());
        event.record(&mut line);
        (self.line)(line.0);
    }

    fn enter(&self, _span: &Id) {}

    fn exit(&self, _span: &Id) {}
}

/// Keeps every line from now on. Call it before what shall be seen.
///
/// # Panics
///
/// When somebody else keeps the log of this process.
pub fn keep() {
    static ONCE: Once = Once::new();
    let keeps = |line| LINES.lock().unwrap_or_else(PoisonError::into_inner).push(line);
    ONCE.call_once(|| give(Level::TRACE, keeps));
}

/// Gives each line of this level, or a worse one, to a function from now on.
///
/// # Panics
///
/// When somebody else has the log of this process.
pub fn give(level: Level, line: impl Fn(String) + Send + Sync + 'static) {
    tracing::subscriber::set_global_default(Gives { level, line }).expect("nobody else has the log");
}

/// The lines so far that hold these words: `LEVEL field=value message`, the fields in the order in which they were written.
#[must_use]
pub fn lines(words: &str) -> Vec<String> {
    let lines = LINES.lock().unwrap_or_else(PoisonError::into_inner);
    lines.iter().filter(|line| line.contains(words)).cloned().collect()
}
