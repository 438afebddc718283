//! What help says, and that its examples can be meant.

use std::process::Command;

use crate::craft::{PROGRAM, Ran, craft, plain};
use crate::snapshot::same;

/// Every command that the overview has.
fn commands() -> Vec<String> {
    let overview = craft("help").run().done();
    let is_command = |line: &&str| line.starts_with("  ") && !line.trim_start().starts_with('-') && !line.starts_with("   ");
    let names = overview.lines().filter(is_command).map(|line| line.trim().split(' ').next().unwrap().to_owned());
    let names: Vec<_> = names.collect();
    assert!(names.len() > 20 && names.contains(&"queue:work".to_owned()), "{names:?}");
    names
}

/// The command lines of its examples.
fn examples(command: &str) -> Vec<String> {
    let help = craft(&format!("help {command}")).run().done();
    let (_, behind) = help.split_once("Examples:\n").unwrap_or_else(|| panic!("{command} has no examples"));
    let lines = behind.lines().filter(|line| line.starts_with("  craft "));
    lines.map(|line| line.split_once("  # ").unwrap_or((line, "")).0.trim().trim_start_matches("craft ").to_owned()).collect()
}

#[test]
fn the_overview_is_as_it_was() {
    let overview = craft("help").run().done();
    same("help", &overview);
    assert_eq!(craft("--help").run().done(), overview);
    craft("").run().refused(2, &["Usage:", "queue:work"]);
    assert!(craft("--version").run().done().contains(env!("CARGO_PKG_VERSION")));
}

#[test]
fn the_help_of_every_command_is_as_it_was() {
    for command in commands() {
        let help = craft(&format!("help {command}")).run().done();
        same(&format!("help-{}", command.replace(':', "-")), &help);
        assert_eq!(craft(&format!("{command} --help")).run().done(), help, "{command}");
    }
}

#[test]
fn no_line_of_help_is_wider_than_a_narrow_terminal() {
    for command in commands() {
        let help = craft(&format!("help {command}")).env("COLUMNS", "80").run().done();
        let wide = help.lines().find(|line| line.chars().count() > 80);
        assert_eq!(wide, None, "{command}");
        // An example that was broken could not be copied.
        let (_, examples) = help.split_once("Examples:\n").unwrap();
        let is_whole = |line: &str| line.starts_with("  craft ") || line.starts_with("    # ");
        assert!(examples.lines().all(is_whole), "{command}: {examples}");
    }
}

#[test]
fn both_spellings_have_the_same_help() {
    let without_usage = |ran: Ran| ran.done().lines().filter(|line| !line.starts_with("Usage:")).collect::<Vec<_>>().join("\n");
    for command in commands() {
        let Some((noun, verb)) = command.split_once(':') else { continue };
        let two = craft(&format!("{noun} {verb} --help")).run();
        assert_eq!(without_usage(two), without_usage(craft(&format!("{command} --help")).run()), "{command}");
    }
}

#[test]
fn every_command_has_three_examples_that_can_be_meant() {
    let folder = tempfile::tempdir().unwrap();
    for command in commands() {
        let examples = examples(&command);
        assert_eq!(examples.len(), 3, "{command}: {examples:?}");
        for example in examples {
            // With no store, so that nothing is done by it.
            let mut words: Vec<_> = example.split(' ').collect();
            while let Some(at) = words.iter().position(|word| *word == "--url") {
                words.drain(at..at + 2);
            }
            let words = words.join(" ");
            let (line, _into_a_file) = words.split_once(" > ").unwrap_or((&words, ""));
            let mut shell = Command::new("sh");
            plain(&mut shell).arg("-c").arg(format!("\"$0\" {line}"));
            let output = shell.arg(PROGRAM).current_dir(folder.path()).output().unwrap();
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(matches!(output.status.code(), Some(0 | 1 | 4 | 78)), "{example}: {} {said}", output.status);
            assert!(!said.contains("sh:"), "{example}: {said}");
        }
    }
}

#[test]
fn an_unknown_command_has_the_near_name_said() {
    craft("queue:wrk").run().refused(2, &["queue:wrk", "queue:work"]);
    craft("queue wrk").run().refused(2, &["wrk", "work"]);
    craft("queue").run().refused(2, &["Usage:"]);
    craft("queue:list --wdie").run().refused(2, &["--wdie", "--wide"]);
}

#[test]
fn help_has_no_secret_of_the_environment() {
    let help = craft("help queue:list").on("postgres://me:secret@here/app").run().done();
    assert!(help.contains("QUEUE_URL") && !help.contains("secret"));
}
