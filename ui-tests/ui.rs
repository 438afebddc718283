//! What the derive accepts, and what it answers to mistakes, word by word.
//!
//! `TRYBUILD=overwrite cargo test -p queue-ui-tests --test ui` writes the texts anew; read the difference.

#![expect(clippy::unwrap_used, reason = "a test says what it expects by failing")]

use std::fs;
use std::path::{Path, PathBuf};

#[test]
fn what_compiles() {
    trybuild::TestCases::new().pass("pass/*.rs");
}

#[test]
fn what_does_not() {
    trybuild::TestCases::new().compile_fail("fail/*/*.rs");
}

#[test]
fn every_mistake_has_its_text() {
    for mistake in mistakes() {
        assert!(mistake.with_extension("stderr").is_file(), "{} has no .stderr", mistake.display());
    }
}

#[test]
fn no_text_depends_on_the_sources_of_std() {
    for mistake in mistakes() {
        let text = fs::read_to_string(mistake.with_extension("stderr")).unwrap_or_default();
        for path in ["$RUST", "/rustc/", "rustlib/src"] {
            assert!(!text.contains(path), "{} shows a line of the standard library", mistake.display());
        }
    }
}

#[test]
fn no_text_depends_on_what_else_implements_a_trait() {
    for mistake in mistakes() {
        let text = fs::read_to_string(mistake.with_extension("stderr")).unwrap_or_default();
        assert!(
            !text.contains("following other types implement"),
            "{} lists implementations: put it under answers/, where texts may grow",
            mistake.display()
        );
    }
}

/// The files under `fail/`, which stand two deep.
fn mistakes() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fail");
    let mut mistakes: Vec<PathBuf> = Vec::new();
    for rule in fs::read_dir(root).unwrap() {
        let rule = rule.unwrap().path();
        assert!(rule.is_dir(), "{} belongs into the folder of a rule", rule.display());
        let files = fs::read_dir(rule).unwrap().map(|file| file.unwrap().path());
        mistakes.extend(files.filter(|file| file.extension().is_some_and(|extension| extension == "rs")));
    }
    assert!(!mistakes.is_empty());
    mistakes
}
