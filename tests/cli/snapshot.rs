//! What a command prints, as it was printed last.

use std::path::Path;
use std::sync::LazyLock;

use regex::Regex;
use snapbox::{Assert, Data, Redactions};

/// What differs from run to run, and what stands for it.
const VARIED: [(&str, &str); 4] = [
    ("[TIME]", r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"),
    ("[AGE]", r#"\b(?:in )?\d+(?:ms|[smhd])(?: \d+[smhd])?(?: ago)?\b"#),
    ("[SECONDS]", r#""oldest_available_seconds": ?(?<redacted>\d[0-9.e-]*)"#),
    ("[SCHEMA]", r"queue_test_\d+_[0-9a-f]{16}"),
];

/// Columns are as wide as what stands in them, and that differs too.
static GAPS: LazyLock<Regex> = LazyLock::new(|| Regex::new("(\\S) {2,}").unwrap());

/// Compares a text with the file of this name, byte for byte.
#[track_caller]
pub(crate) fn same(name: &str, text: &str) {
    compare(name, text, &Redactions::new());
}

/// Compares without ages, times and the width of columns.
#[track_caller]
pub(crate) fn alike(name: &str, text: &str) {
    let mut redactions = Redactions::new();
    for (word, pattern) in VARIED {
        redactions.insert(word, Regex::new(pattern).unwrap()).unwrap();
    }
    compare(name, &GAPS.replace_all(text, "$1  "), &redactions);
}

#[track_caller]
fn compare(name: &str, text: &str, redactions: &Redactions) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("cli/snapshots").join(format!("{name}.txt"));
    let assert = Assert::new().action_env("SNAPSHOTS").normalize_paths(false).redact_with(redactions.clone());
    // A folder has no colons in its names everywhere.
    assert.eq(text, Data::read_from(&file, Some(snapbox::data::DataFormat::Text)));
}
