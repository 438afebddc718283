//! What is generated is built, tested and formatted, as a user would.

use std::fs;
use std::path::Path;

use crate::package::{Package, Said, cargo, checkout, run};

/// Cargo in the package, with the folder that the rest of the workspace is built in, so that no dependency is built twice.
fn cargo_in(package: &Package, args: &[&str]) -> Said {
    let target = Path::new(env!("CARGO_BIN_EXE_craft")).ancestors().nth(2).unwrap();
    run(cargo().args(args).current_dir(package.path("")).env("CARGO_TARGET_DIR", target).env_remove("RUSTFLAGS"))
}

#[test]
fn a_package_with_jobs_builds_without_a_warning_passes_its_tests_and_is_formatted() {
    let package = Package::new(&["--name", "queue-generated"]);
    // Under its usual name it would take the place of the `craft` that is tested, in the folder that both are built in.
    package.done(&["init", "--bin", "generated-jobs", "--path", checkout().to_str().unwrap()]);
    package.write("src/main.rs", "//! The program.\n\nfn main() {}\n");
    let long = "long".repeat(25);
    for args in [
        &["SendWelcomeEmail", "--queue", "mail", "--field", "user_id:u64", "--field", "name:String"][..],
        &["ResizeImage", "--blocking", "--field", "path:PathBuf", "--field", "sizes:Vec<(u32,u32)>"],
        &["Purge"],
        &["Short", "--field", "id:u64"],
        &["SendTotals", "--field", "totals:HashMap<String,std::time::Duration>", "--field", "at:SystemTime", "--no-test"],
        &["Wide", "--queue", "a-queue-with-a-name-that-does-not-fit-into-a-line-of-seventy-columns", "--blocking"],
        &[&long, "--field", "a:u8"],
    ] {
        package.done(&[&["job"], args].concat());
    }
    // As strict as a user may be, and by the profile of the workspace.
    let workspace = fs::read_to_string(checkout().join("Cargo.toml")).unwrap();
    let profile = &workspace[workspace.find("[profile.dev]").unwrap()..];
    let lints = "\n[lints.rust]\nwarnings = \"deny\"\nmissing_docs = \"deny\"\nunreachable_pub = \"deny\"\nunused_qualifications = \"deny\"\n";
    package.append("Cargo.toml", &format!("{lints}\n{profile}"));
    fs::copy(checkout().join("Cargo.lock"), package.path("Cargo.lock")).unwrap();

    let formatted = cargo_in(&package, &["fmt", "--check"]);
    assert_eq!(formatted.code, Some(0), "{}", formatted.out);
    let tested = cargo_in(&package, &["test", "--offline"]);
    assert_eq!(tested.code, Some(0), "{tested:?}");
    for test in ["send_welcome_email", "resize_image", "purge", "short", "wide", &long] {
        assert!(tested.out.contains(&format!("test jobs::{test}::tests::it_succeeds ... ok")), "{test}: {}", tested.out);
    }
    let linted = cargo_in(&package, &["clippy", "--offline", "--all-targets", "--", "-D", "warnings"]);
    assert_eq!(linted.code, Some(0), "{}", linted.err);
    // The alias, and `craft` itself.
    let aliased = cargo_in(&package, &["craft", "--help"]);
    assert_eq!(aliased.code, Some(0), "{aliased:?}");
}
