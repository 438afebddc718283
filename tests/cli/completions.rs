//! What shells need to complete commands.

use std::io::Write as _;
use std::process::{Command, Stdio};

use crate::craft::craft;

#[test]
fn every_shell_has_its_script_with_every_command() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = craft(&format!("completions {shell}")).run().done();
        for word in ["work", "retry", "explain", "migrate", "craft"] {
            assert!(script.contains(word), "{shell} has no {word}");
        }
    }
    assert!(craft("completions fish --program tool").run().done().contains("tool"));
    craft("completions tcsh").run().refused(2, &["tcsh", "bash"]);
}

#[test]
fn bash_reads_its_script() {
    let script = craft("completions bash").run().done();
    let Ok(mut bash) = Command::new("bash").arg("-n").stdin(Stdio::piped()).stderr(Stdio::piped()).spawn() else {
        queue_tests::postgres::say("SKIPPED in cli: whether Bash reads its completions, because it is not installed");
        return;
    };
    bash.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
    let output = bash.wait_with_output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
}
