//! A push that fails and that nobody awaits is told on standard error where nobody listens to the log. In processes of their own,
//! because a log is set once a process.

use std::process::Command;

/// What a process says on standard error. It must end well.
fn said(how: &str) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_unheard")).arg(how).output().expect("it starts");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{how}: {said}");
    assert!(output.stdout.is_empty(), "standard output belongs to the program");
    said
}

#[test]
fn a_forgotten_await_together_with_a_forgotten_install_is_told_once() {
    let said = said("forgotten");
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(said.starts_with("queue: a push that nobody awaits failed: there is no queue to push to"), "{said}");
    assert!(said.contains("`.install()`") && said.contains("`tracing`"), "{said}");
}

#[test]
fn a_refusal_of_the_store_is_told() {
    let said = said("refused");
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(said.starts_with("queue: a push that nobody awaits failed: ") && said.contains("poison"), "{said}");
}

#[test]
fn nothing_is_told_where_somebody_listens_or_looks() {
    assert_eq!(said("logged"), "");
    assert_eq!(said("awaited"), "");
}
