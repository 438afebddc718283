//! What is logged, and where: to standard error, unless the program has seen to that itself.

use std::io;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::FmtSpan;

use crate::arguments::{Globals, When};

/// Whether the begin and the end of spans are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Spans {
    Shown,
    Hidden,
}

/// What is logged where `RUST_LOG` says nothing. The failures of attempts are told by the lines of `queue:work` already.
const WORK: &str = "info,queue::worker::attempt=off";
/// What is logged of a replay.
const REPLAY: &str = "debug,queue=info,sqlx=warn";

/// Logs to standard error from now on. Where the program has a subscriber, that one stays.
pub(crate) fn to_stderr(globals: &Globals, spans: Spans) {
    let (default, events) = match spans {
        Spans::Shown => (REPLAY, FmtSpan::NEW | FmtSpan::CLOSE),
        Spans::Hidden => (WORK, FmtSpan::NONE),
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default));
    let is_colored = match globals.color {
        When::Always => true,
        When::Never => false,
        When::Auto => anstream::AutoStream::choice(&io::stderr()) != anstream::ColorChoice::Never,
    };
    let subscriber = tracing_subscriber::fmt()
        .with_writer(io::stderr)
        .with_ansi(is_colored)
        .with_span_events(events)
        .with_env_filter(filter)
        // It would tell of a standard error that nobody reads on that standard error, and panic.
        .log_internal_errors(false);
    // Another subscriber is the user's choice.
    drop(subscriber.try_init());
}
