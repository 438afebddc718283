//! Pushing from the destructor of a thread-local: a panic there would end the process, so it is a process of its own.

use std::process::Command;

#[test]
fn a_thread_pushes_to_its_very_end() {
    for store in ["memory", "engine"] {
        let output = Command::new(env!("CARGO_BIN_EXE_thread_end")).arg(store).output().expect("it starts");
        let said = String::from_utf8_lossy(&output.stdout);
        let complained = String::from_utf8_lossy(&output.stderr);
        assert_eq!(said, "stored 8\n", "{store}: {complained}");
        assert!(output.status.success(), "{store}: {complained}");
    }
}
