//! The disk is full, fails, or may not be written.

use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};

use crate::checker::Allowed;
use crate::site::{Site, say};
use crate::syscalls::can_trace;

/// Mounts a small disk where the first word says, of the size that the second one says, and runs the rest on it.
const ON_A_SMALL_DISK: &str = r#"mount -t tmpfs -o size="$2" none "$1" && shift 2 && exec "$@""#;

/// Whether a disk can be mounted here, for one process alone; says so loudly where not.
fn can_mount(site: &Site) -> bool {
    let folder = site.folder().to_str().unwrap();
    let words = ["-Urm", "sh", "-c", ON_A_SMALL_DISK, "sh", folder, "1m", "true"];
    let mounted = Command::new("unshare").args(words).stderr(Stdio::null()).status();
    let can = mounted.is_ok_and(|status| status.success());
    if !can {
        say("SKIPPED: no disk may be mounted here, so none was filled");
    }
    can
}

#[tokio::test]
async fn what_was_pushed_to_a_full_disk_is_stored_when_there_is_room() {
    let site = Site::new();
    if !can_mount(&site) {
        return;
    }
    let disk = site.folder().join("disk");
    std::fs::create_dir(&disk).unwrap();
    let small = Site::with_store(disk.join("jobs.db"));
    let (ballast, copy) = (disk.join("ballast"), site.folder().join("copy.db"));
    let before = ["unshare", "-Urm", "sh", "-c", ON_A_SMALL_DISK, "sh", disk.to_str().unwrap(), "8m"];
    let ledgers = small.folder().join("ledgers");
    let how = [ledgers.to_str().unwrap(), ballast.to_str().unwrap(), "7400000", copy.to_str().unwrap()];
    let (is_well, said) = small.outcome(&before, "fills", &how);
    assert!(is_well, "{said}");
    // What is checked is the copy: the disk is gone with its process.
    std::fs::copy(&copy, small.store()).unwrap();
    let dump = small.settle(Allowed::default()).await;
    assert_eq!(dump.rows.len(), 60);
}

/// Runs a role whose calls of one sort fail from one on to another, and checks its ledger. Calls are counted by thread.
async fn fail_calls(inject: &str, role: &str) {
    if !can_trace() {
        return;
    }
    let site = Site::new();
    // The schema first: what fails then is a push, and not the making of a file.
    assert!(site.start("opens", 1, &[]).wait().success());
    let (calls, trace) = (site.folder().join("calls"), format!("trace={}", inject.split_once(':').expect("calls and a fault").0));
    let inject = format!("inject={inject}");
    let before = ["strace", "-f", "-qq", "-o", calls.to_str().unwrap(), "-e", &trace, "-e", &inject];
    let (is_well, said) = site.outcome(&before, role, &["30", "ends"]);
    assert!(is_well, "{said}");
    assert!(std::fs::read_to_string(&calls).unwrap().contains("(INJECTED)"), "nothing failed");
    site.settle(Allowed { users_faults: true, ..Allowed::default() }).await;
}

#[tokio::test]
async fn a_write_that_finds_no_room_is_tried_again() {
    fail_calls("pwrite64:error=ENOSPC:when=20..30", "pushes").await;
}

#[tokio::test]
async fn a_sync_that_fails_is_tried_again() {
    fail_calls("fsync,fdatasync:error=EIO:when=4", "pushes").await;
}

#[tokio::test]
async fn a_file_that_may_not_be_written_is_refused_by_name() {
    let site = Site::new();
    assert!(site.start("prepare", 1, &["2", "ready"]).wait().success());
    let before = std::fs::read(site.store()).unwrap();
    let (folder, path) = (site.folder().to_owned(), site.store().to_str().unwrap().to_owned());
    let mode = |path: &std::path::Path, mode| std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    mode(site.store(), 0o444);
    mode(&folder, 0o555);
    // Whoever has all rights elsewhere has none in a namespace of its own.
    let (is_well, said) = site.outcome(&["unshare", "-U"], "pushes", &["3", "ends"]);
    mode(&folder, 0o755);
    mode(site.store(), 0o644);
    if said.contains("unshare failed") {
        say("SKIPPED: no namespace can be made here, so no file was read-only");
        return;
    }
    assert!(!is_well);
    assert!(said.contains(&path), "{said}");
    assert_eq!(std::fs::read(site.store()).unwrap(), before, "the file is left as it was");
    site.settle(Allowed::default()).await;
}
