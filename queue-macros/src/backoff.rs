//! `backoff = ".."`: when to try again.

use std::time::Duration;

use crate::{duration, suggest};

/// What `backoff` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Backoff {
    Exponential { base: Duration, cap: Duration },
    Linear { base: Duration },
    Fixed { delay: Duration },
    List(Vec<Duration>),
}

/// Each policy with its form.
const POLICIES: [(&str, &str); 3] = [("exponential", "exponential(15s, 6h)"), ("linear", "linear(10s)"), ("fixed", "fixed(30s)")];

/// Reads a policy; the error says what to write.
pub(crate) fn parse(text: &str) -> Result<Backoff, String> {
    let (word, arguments) = match text.split_once('(') {
        Some((word, rest)) => (word.trim(), rest.trim_end().strip_suffix(')')),
        None => (text.trim(), None),
    };
    let Some((name, form)) = POLICIES.iter().find(|(name, _)| *name == word) else {
        if duration::parse(text).is_ok() {
            return Err(format!("`{text}` alone is no backoff; write `\"fixed({text})\"` or a list, `[\"{text}\"]`"));
        }
        return Err(match suggest::nearest(word, &POLICIES.map(|(name, _)| name)) {
            Some(near) => format!("unknown backoff `{word}`; did you mean `{near}`?"),
            None => {
                format!(
                    "unknown backoff `{word}`; write {} or a list, `[\"10s\", \"1m\"]`",
                    suggest::list(&POLICIES.map(|(_, form)| form))
                )
            }
        });
    };
    let Some(arguments) = arguments else { return Err(format!("`{name}` needs its durations: `\"{form}\"`")) };
    let durations = arguments.split(',').map(|part| duration::parse(part.trim())).collect::<Result<Vec<_>, _>>()?;
    match (*name, durations.as_slice()) {
        ("exponential", [base, cap]) if cap < base => Err("the cap, which comes second, is below the first delay".to_owned()),
        ("exponential", [base, cap]) => Ok(Backoff::Exponential { base: *base, cap: *cap }),
        ("linear", [base]) => Ok(Backoff::Linear { base: *base }),
        ("fixed", [delay]) => Ok(Backoff::Fixed { delay: *delay }),
        ("exponential", _) => Err(format!("`exponential` takes two durations, the first delay and the cap: `\"{form}\"`")),
        _ => Err(format!("`{name}` takes one duration: `\"{form}\"`")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn every_policy() {
        assert_eq!(parse("exponential(15s, 6h)"), Ok(Backoff::Exponential { base: seconds(15), cap: seconds(21_600) }));
        assert_eq!(parse("exponential(15s,15s)"), Ok(Backoff::Exponential { base: seconds(15), cap: seconds(15) }));
        assert_eq!(parse("linear(10s)"), Ok(Backoff::Linear { base: seconds(10) }));
        assert_eq!(parse(" fixed( 1m30s ) "), Ok(Backoff::Fixed { delay: seconds(90) }));
    }

    #[test]
    fn what_is_no_policy() {
        for (text, message) in [
            ("exponentiall", "unknown backoff `exponentiall`; did you mean `exponential`?"),
            (
                "never",
                "unknown backoff `never`; write `exponential(15s, 6h)`, `linear(10s)`, `fixed(30s)` or a list, `[\"10s\", \"1m\"]`",
            ),
            ("30s", "`30s` alone is no backoff; write `\"fixed(30s)\"` or a list, `[\"30s\"]`"),
            ("fixed", "`fixed` needs its durations: `\"fixed(30s)\"`"),
            ("fixed(30s", "`fixed` needs its durations: `\"fixed(30s)\"`"),
            ("linear(1s, 2s)", "`linear` takes one duration: `\"linear(10s)\"`"),
            ("exponential(15s)", "`exponential` takes two durations, the first delay and the cap: `\"exponential(15s, 6h)\"`"),
            ("exponential(1h, 1m)", "the cap, which comes second, is below the first delay"),
            ("fixed(soon)", "cannot read `soon` as a duration; write `\"90s\"`, `\"5m\"`, `\"1h30m\"`"),
        ] {
            assert_eq!(parse(text), Err(message.to_owned()), "{text}");
        }
    }
}
