//! What needs a package of its own: other editions, other names of `queue`, strict lints, and answers of the compiler that go on
//! with a list of implementations, which may grow.

#![expect(clippy::unwrap_used, reason = "it says what it expects by failing")]

mod package;

use std::fs;
use std::path::Path;

use package::{Message, Package, files};

#[test]
fn jobs_compile_in_edition_2021_without_a_warning() {
    let messages = Package { programs: files("pass"), ..Package::new("edition-2021", "2021") }.check();
    assert_silent(&messages);
}

#[test]
fn jobs_compile_under_strict_lints() {
    let prefix = "#![deny(warnings, missing_docs, missing_debug_implementations, missing_copy_implementations, unreachable_pub)]\n\
                  #![deny(unused_qualifications, single_use_lifetimes, unused_lifetimes, elided_lifetimes_in_paths, let_underscore_drop)]\n\
                  #![deny(trivial_casts, trivial_numeric_casts, variant_size_differences, explicit_outlives_requirements)]\n\
                  #![deny(clippy::all, clippy::pedantic, non_local_definitions)]\n\
                  #![forbid(unsafe_code)]\n";
    let messages = Package { programs: files("strict"), prefix, clippy: true, ..Package::new("strict", "2024") }.check();
    assert_silent(&messages);
}

#[test]
fn jobs_compile_where_queue_has_another_name() {
    let messages = Package { programs: files("renamed"), dependency: "jobs", ..Package::new("renamed", "2024") }.check();
    assert_silent(&messages);
}

#[test]
fn jobs_compile_where_queue_is_behind_a_facade() {
    let library = Path::new(env!("CARGO_MANIFEST_DIR")).join("facade/library.rs");
    let programs = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("facade/program.rs")];
    let messages = Package { library: Some(library), programs, ..Package::new("facade", "2024") }.check();
    assert_silent(&messages);
}

/// A file under `answers/` says in comments what the compiler must answer: `//~ error: text` on the line of the mistake, and
/// `//~ note: text` for words that must stand in the answers, `//~ never: text` for words that must not.
#[test]
fn answers() {
    let programs = files("answers");
    let messages = Package { programs: programs.clone(), ..Package::new("answers", "2024") }.check();
    for program in &programs {
        let source = fs::read_to_string(program).unwrap();
        let name = program.file_stem().unwrap().to_string_lossy();
        let errors: Vec<&Message> =
            messages.iter().filter(|message| message.level == "error" && message.target == name).collect();
        let rendered: String = errors.iter().map(|message| message.rendered.as_str()).collect();
        let mut expected: Vec<(Option<usize>, &str)> = Vec::new();
        for (index, line) in source.lines().enumerate() {
            if let Some((_, text)) = line.split_once("//~ error: ") {
                expected.push((Some(index + 1), text));
            }
            if let Some((_, text)) = line.split_once("//~ note: ") {
                assert!(rendered.contains(text), "`{name}` lacks the note `{text}`:\n{rendered}");
            }
            if let Some((_, text)) = line.split_once("//~ never: ") {
                // Not the line itself, which the compiler may show.
                assert!(!rendered.replace(line, "").contains(text), "`{name}` says `{text}`:\n{rendered}");
            }
        }
        let mut answered: Vec<(Option<usize>, &str)> = errors.iter().map(|error| (error.line, error.text.as_str())).collect();
        answered.sort_unstable();
        // The compiler may say the same of a type and of what it gives.
        answered.dedup();
        assert!(!expected.is_empty(), "`{name}` expects nothing");
        assert_eq!(answered, expected, "`{name}`:\n{rendered}");
    }
}

fn assert_silent(messages: &[Message]) {
    let rendered: Vec<&str> = messages.iter().map(|message| message.rendered.as_str()).collect();
    assert!(rendered.is_empty(), "{}", rendered.join("\n"));
}
