//! What stands on every command line.

use std::time::Duration;

use anstream::ColorChoice;
use clap::Args;
use queue::job::filter::read_span;

use crate::failure::Failure;
use crate::output::Format;

/// The options of every command.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Options of every command")]
pub(crate) struct Globals {
    /// The store: sqlite:jobs.db, postgres://user@host/database, …
    #[arg(long, global = true, env = "QUEUE_URL", value_name = "URL")]
    pub(crate) url: Option<String>,
    /// How data is printed: for people, as one JSON document, or as one a line
    #[arg(long, short, global = true, env = "QUEUE_OUTPUT", value_enum, default_value_t = Format::Table, value_name = "FORMAT")]
    pub(crate) output: Format,
    /// Cut nothing in tables
    #[arg(long, global = true)]
    pub(crate) wide: bool,
    /// When to print in color [default: as NO_COLOR, CLICOLOR and CLICOLOR_FORCE say]
    #[arg(long, global = true, env = "CARGO_TERM_COLOR", value_enum, default_value_t = When::Auto, value_name = "WHEN", hide_default_value = true)]
    pub(crate) color: When,
    /// How long a store that is away is waited for
    #[arg(long, global = true, env = "QUEUE_WAIT", default_value = "5s", value_parser = duration, value_name = "TIME")]
    pub(crate) wait: Duration,
    /// What this environment is called: in `production` what removes or stops must be confirmed by that word
    #[arg(long = "env", global = true, env = "QUEUE_ENV", value_name = "LABEL")]
    pub(crate) environment: Option<String>,
}

/// When to print in color.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum When {
    Auto,
    Always,
    Never,
}

impl From<When> for ColorChoice {
    fn from(when: When) -> Self {
        match when {
            // The stream itself asks the environment and the terminal.
            When::Auto => Self::Auto,
            When::Always => Self::Always,
            When::Never => Self::Never,
        }
    }
}

/// Reads a span of time: `100ms`, `30s`, `5m`, `1h30m`, `2d`, `1w`.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{}` is no span of time, as `30s`, `5m`, `1h30m` or `2d`", text.escape_debug());
    read_span(text).ok_or_else(wrong)
}

/// Whether a word is a queue's name at all.
pub(crate) fn queue_name(text: &str) -> Result<String, String> {
    match text {
        "" => Err("a queue has a name of 1 to 128 bytes".to_owned()),
        _ if text.len() > 128 => Err(format!("a queue has a name of 1 to 128 bytes, and this one has {}", text.len())),
        _ if text.chars().any(char::is_control) => Err("the name of a queue has no control characters".to_owned()),
        _ => Ok(text.to_owned()),
    }
}

/// What a command that changes many things is told beforehand.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Consent {
    /// Do it without asking
    #[arg(long, short)]
    pub(crate) yes: bool,
    /// Say what would be done, and do nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// The word of the environment, where it guards what this removes
    #[arg(long, value_name = "LABEL")]
    pub(crate) confirm: Option<String>,
}

/// The URL, or what to do to have one.
pub(crate) fn url(globals: &Globals) -> Result<&str, Failure> {
    match globals.url.as_deref() {
        Some(url) if !url.trim().is_empty() => Ok(url),
        _ => Err(Failure::configuration("no store is named")
            .hint("set QUEUE_URL, or write --url: sqlite:jobs.db for a file, postgres://user@host/database for a server")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_of_time_are_read() {
        let millis = |text| duration(text).map(|time| time.as_millis());
        assert_eq!(millis("100ms"), Ok(100));
        assert_eq!(millis("1h30m"), Ok(5_400_000));
        assert_eq!(millis("0s"), Ok(0));
        for wrong in ["", "5", "s", "1x", "-1s", "1.5s", "99999999999999999999s", "18446744073709551615w", "5 s"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_queue_has_a_name() {
        assert!(queue_name("mail").is_ok());
        assert!(queue_name("").is_err() && queue_name("a\nb").is_err() && queue_name(&"x".repeat(129)).is_err());
    }
}
