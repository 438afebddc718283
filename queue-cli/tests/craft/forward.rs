//! What goes on to the package's own binary.

use std::ffi::OsString;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Child, Command, Stdio};

use crate::package::{Package, Said, run};

/// Tells of itself, and does as it is told. It has no dependency, so that it is built in no time.
const BINARY: &str = r#"
fn main() -> std::process::ExitCode {
    let args: Vec<_> = std::env::args_os().skip(1).collect();
    println!("{args:?} in {:?}, {:?}", std::env::current_dir().unwrap().file_name().unwrap(), std::env::var("QUEUE_URL"));
    println!("{} {}", if cfg!(debug_assertions) { "debug" } else { "release" }, cfg!(feature = "loud"));
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).unwrap();
    std::process::ExitCode::from(line.trim().parse::<u8>().unwrap_or(0))
}
"#;

const MANIFEST: &str = "[package]\nname = \"app\"\nedition = \"2024\"\n\n[features]\nloud = []\n";

fn package() -> Package {
    Package::with(&[
        ("Cargo.toml", MANIFEST),
        ("src/bin/craft.rs", BINARY),
        (".cargo/config.toml", "[env]\nQUEUE_URL = \"sqlite:jobs.db\"\n"),
    ])
}

/// Starts it, and waits until the package's binary has begun; returns what that said.
fn start(mut command: Command) -> (Child, BufReader<std::process::ChildStdout>, String) {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut said = String::new();
    out.read_line(&mut said).unwrap();
    out.read_line(&mut said).unwrap();
    (child, out, said)
}

#[test]
fn arguments_streams_and_the_code_go_through() {
    let package = package();
    let (mut child, _out, said) = start(package.command("src", &["queue:work", "--once", "--", "a b", "--release"]));
    // The URL is that of the package, so the folder is too.
    let folder = package.path("").file_name().unwrap().to_owned();
    assert_eq!(
        said,
        format!(
            "[\"queue:work\", \"--once\", \"--\", \"a b\", \"--release\"] in {folder:?}, Ok(\"sqlite:jobs.db\")\ndebug false\n"
        )
    );
    child.stdin.take().unwrap().write_all(b"42\n").unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(42));
}

#[test]
fn how_it_is_built_stands_before_the_command() {
    let package = package();
    let said = package.done(&["--release", "--features", "loud", "-p", "app", "--url", "memory:", "queue:work"]);
    assert!(said.contains("[\"--url\", \"memory:\", \"queue:work\"]") && said.ends_with("release true\n"), "{said}");
    // A URL of the caller is meant from where the caller is.
    let said = run(package.command("src", &["queue:work"]).env("QUEUE_URL", "sqlite:mine.db"));
    assert!(said.out.contains("in \"src\", Ok(\"sqlite:mine.db\")"), "{said:?}");
}

#[test]
fn what_needs_no_code_is_answered_here_where_a_url_is_given() {
    let package = package();
    let is_forwarded = |said: Said| said.out.contains("[\"");
    assert!(is_forwarded(package.craft(&["queue:failed"])), "the URL is known to the package only");
    for args in [&["queue:failed", "--url", "memory:"][..], &["--url", "memory:", "queue", "failed"]] {
        assert!(!is_forwarded(package.craft(args)), "{args:?}");
    }
    assert!(!is_forwarded(run(package.command("", &["queue:failed"]).env("QUEUE_URL", "memory:"))));
    assert!(is_forwarded(package.craft(&["queue:push", "A", "--url", "memory:"])), "the kind needs its code");
}

#[test]
fn the_binary_is_found_by_the_name_that_the_package_gives() {
    let package = package();
    package.append("Cargo.toml", "\n[package.metadata.queue]\nbin = \"jobs-cli\"\n");
    assert!(
        package
            .refused(&["queue:work"])
            .contains("the package `app` has no binary `jobs-cli`, which runs its jobs: run `craft init`")
    );
    package.write("src/bin/jobs-cli.rs", BINARY);
    assert!(package.done(&["queue:work"]).starts_with("[\"queue:work\"]"));
}

#[test]
fn in_a_workspace_the_only_one_with_jobs_is_asked() {
    let package = Package::with(&[
        ("Cargo.toml", "[workspace]\nresolver = \"3\"\nmembers = [\"one\", \"two\"]\n"),
        ("one/Cargo.toml", &MANIFEST.replace("app", "one")),
        ("one/src/bin/craft.rs", BINARY),
        ("two/Cargo.toml", &MANIFEST.replace("app", "two")),
        ("two/src/lib.rs", ""),
    ]);
    assert!(package.done(&["queue:work"]).contains("in \"one\""));
    package.write("two/src/bin/craft.rs", BINARY);
    assert!(package.refused(&["queue:work"]).contains("several packages here have jobs, `one` and `two` among them"));
    assert!(package.done(&["-p", "two", "queue:work"]).contains("in \"two\""));
}

#[test]
fn a_build_that_fails_is_101() {
    let package = package();
    package.write("src/bin/craft.rs", "fn main() { nonsense }\n");
    let said = package.craft(&["queue:work"]);
    assert_eq!(said.code, Some(101), "{said:?}");
    assert!(said.err.contains("cannot find value `nonsense`"), "{said:?}");
}

#[test]
fn what_needs_code_says_so_where_there_is_none() {
    assert!(
        Package::empty().refused(&["queue:work"]).contains("no Cargo.toml in this folder or above: `queue:work` needs the code")
    );
    assert!(Package::new(&[]).refused(&["queue:work"]).contains("run `craft init`"));
    assert_eq!(Package::empty().command("", &[] as &[OsString]).output().unwrap().status.code(), Some(2));
}

#[test]
fn help_is_there_without_a_package() {
    let package = Package::empty();
    assert!(package.done(&["help"]).contains("queue:explain  Say why a job does not run"));
    assert!(package.done(&["help", "queue:explain"]).contains("Usage: craft queue:explain"));
    assert!(package.done(&["help", "job"]).contains("--field <NAME:TYPE>"));
    assert!(package.done(&["job", "--help"]).contains("--field <NAME:TYPE>"));
    assert_eq!(package.done(&["--version"]), format!("craft {}\n", env!("CARGO_PKG_VERSION")));
}

#[cfg(unix)]
mod signals {
    use std::sync::mpsc;
    use std::thread;
    use std::time::Duration;

    use super::*;

    /// After it a test has failed.
    const PATIENCE: Duration = Duration::from_secs(30);

    fn send(child: &Child, signal: rustix::process::Signal) {
        let id = rustix::process::Pid::from_child(child);
        rustix::process::kill_process(id, signal).unwrap();
    }

    #[test]
    fn sigterm_is_handed_on_and_its_code_comes_back() {
        let package = package();
        let (mut child, mut out, _) = start(package.command("", &["queue:work"]));
        // Held open, or `wait` would close it and the binary would end by itself.
        let stdin = child.stdin.take();
        send(&child, rustix::process::Signal::TERM);
        // When it has gone nobody holds the other end.
        let (tell, told) = mpsc::channel();
        thread::spawn(move || tell.send(out.read_to_string(&mut String::new()).unwrap()));
        let rest = told.recv_timeout(PATIENCE);
        drop(stdin);
        assert_eq!((rest, child.wait().unwrap().code()), (Ok(0), Some(128 + 15)));
    }

    #[test]
    fn ctrl_c_is_left_to_the_binary() {
        let package = package();
        let (mut child, _out, _) = start(package.command("", &["queue:work"]));
        send(&child, rustix::process::Signal::INT);
        child.stdin.take().unwrap().write_all(b"5\n").unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(5));
    }
}
