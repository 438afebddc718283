//! The tokens of a filter that begin with a dash, which are no options.

use std::ffi::{OsStr, OsString};

/// What a token of a filter begins with. Not all of them can be left out, and the filter says that better than an unknown option.
const KEYS: [&str; 9] = ["state:", "kind:", "queue:", "tag:", "id:", "error:", "args.", "since:", "until:"];

/// Puts tokens as `-queue:mail` and `-SendWelcomeEmail` behind a `--`, where they are no options. Their order means nothing, and options may
/// stand before and behind them.
pub(crate) fn behind(arguments: Vec<OsString>) -> Vec<OsString> {
    let end = arguments.iter().position(|word| word == "--").unwrap_or(arguments.len());
    let (mut first, mut last) = (Vec::with_capacity(arguments.len() + 1), Vec::new());
    for (index, word) in arguments.into_iter().enumerate() {
        if index >= end || is_left_out(&word) { last.push(word) } else { first.push(word) }
    }
    if !last.is_empty() {
        last.retain(|word| word != "--");
        first.push("--".into());
    }
    first.append(&mut last);
    first
}

fn is_left_out(word: &OsStr) -> bool {
    let Some(token) = word.to_str().and_then(|word| word.strip_prefix('-')) else { return false };
    // A bare kind is the name of a type; no option has a large letter, but for `-V` alone.
    let is_kind = token.len() > 1 && token.starts_with(|c: char| c.is_ascii_uppercase());
    is_kind || KEYS.iter().any(|key| token.starts_with(key))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moved(line: &str) -> String {
        let words = behind(line.split(' ').map(OsString::from).collect());
        words.iter().map(|word| word.to_str().unwrap_or("?")).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn tokens_with_a_dash_stand_behind_the_options() {
        assert_eq!(moved("queue:jobs -queue:mail state:failed -n 5"), "queue:jobs state:failed -n 5 -- -queue:mail");
        assert_eq!(moved("queue:jobs -Greet -o json"), "queue:jobs -o json -- -Greet");
        assert_eq!(moved("queue:jobs -tag:a -- -b"), "queue:jobs -- -tag:a -b");
        for line in ["queue:work -q mail --once", "-V", "queue:jobs -n5 --limit 3", "queue:jobs kind:-X", "--version"] {
            assert_eq!(moved(line), line);
        }
    }
}
