//! `craft job`.

use std::process::Stdio;

use crate::package::{CHECKOUT, Package, run};

#[test]
fn each_way_of_writing_a_name_makes_the_same_job() {
    let mut trees = Vec::new();
    for name in ["SendWelcomeEmail", "send_welcome_email", "send-welcome-email"] {
        let package = Package::ready();
        let said = package.done(&["job", name, "--queue", "mail", "--field", "user_id:u64"]);
        assert!(said.contains("created  src/jobs/send_welcome_email.rs\nchanged  src/jobs/mod.rs\n"), "{said}");
        assert!(said.contains("SendWelcomeEmail::with(user_id).push().await?"), "{said}");
        trees.push((package.read("src/jobs/send_welcome_email.rs"), package.read("src/jobs/mod.rs")));
    }
    let (job, module) = &trees[0];
    assert!(trees.iter().all(|tree| *tree == trees[0]));
    assert!(
        job.contains("#[queueable(name = \"SendWelcomeEmail\", queue = \"mail\")]\npub struct SendWelcomeEmail {\n"),
        "{job}"
    );
    assert!(job.contains("    pub user_id: u64,\n"), "{job}");
    assert!(
        module.contains("\nmod send_welcome_email;\npub use send_welcome_email::SendWelcomeEmail;\n// craft:jobs"),
        "{module}"
    );
}

#[test]
fn before_init_there_is_nothing_to_add_to() {
    assert!(Package::new(&[]).refused(&["job", "A"]).contains("run `craft init` first"));
    assert!(Package::new(&["--lib"]).refused(&["job", "A"]).contains("run `craft init` first"));
    assert!(Package::empty().refused(&["job", "A"]).contains("no Cargo.toml"));
    let package = Package::ready();
    package.write("src/lib.rs", "");
    assert!(package.refused(&["job", "A"]).contains("src/lib.rs has no `pub mod jobs;`: run `craft init` first"));
}

#[test]
fn a_file_that_is_there_is_overwritten_by_force_only() {
    let package = Package::ready();
    package.done(&["job", "A"]);
    let before = package.tree();
    assert!(package.done(&["job", "A"]).contains("unchanged"));
    assert_eq!(package.tree(), before);
    assert_eq!(package.done(&["job", "A", "--dry-run"]), "nothing would change\n");
    assert!(package.refused(&["job", "A", "--field", "id:u64"]).contains("src/jobs/a.rs is there already"));
    let module = package.read("src/jobs/mod.rs");
    let said = package.done(&["job", "A", "--field", "id:u64", "--force"]);
    assert!(said.contains("changed  src/jobs/a.rs\nkept     src/jobs/mod.rs\n"), "{said}");
    assert_eq!(package.read("src/jobs/mod.rs"), module);
    assert!(package.read("src/jobs/a.rs").contains("id: u64"));

    package.write("src/jobs/b.rs", "// mine\n");
    assert!(package.refused(&["job", "B"]).contains("--force overwrites it"));
    package.write("src/jobs/c/mod.rs", "");
    assert!(package.refused(&["job", "C", "--force"]).contains("src/jobs/c/mod.rs is there already"));
    package.write("src/jobs/D.rs", "");
    assert!(package.refused(&["job", "D", "--force"]).contains("differs in large letters only"));
}

#[test]
fn a_type_module_or_crate_of_that_name_is_in_the_way() {
    let package = Package::ready();
    package.append("src/jobs/mod.rs", "\npub struct Report;\nmod inner {}\n");
    assert!(package.refused(&["job", "Report"]).contains("another `Report`"));
    assert!(package.refused(&["job", "Inner"]).contains("another module `inner`"));
    assert!(package.refused(&["job", "QueueCli"]).contains("`queue_cli` is a crate"));
    assert!(package.refused(&["job", "Tokio", "--force"]).contains("`tokio` is a crate"));
}

#[test]
fn a_name_that_cannot_be_one_is_refused() {
    let package = Package::ready();
    let long = "a".repeat(101);
    for name in [
        "",
        "../x",
        "a/b",
        "a\\b",
        "a\nb",
        "a\u{1b}b",
        "match",
        "yield",
        "r#match",
        "Self",
        "self",
        "1st",
        "größe",
        "con",
        "Nul",
        "com1",
        "lpt9",
        "mod",
        "container",
        "Job",
        "std",
        "a b",
        "_a",
        &long,
    ] {
        let refused = package.refused(&["job", name]);
        assert!(refused.contains("cannot be the name of a job: "), "{name}: {refused}");
    }
    for args in [
        &["--queue", "a b"][..],
        &["--queue", ""],
        &["--field", "a"],
        &["--field", "a:&str"],
        &["--field", "a:u8", "--field", "a:u8"],
    ] {
        assert!(package.refused(&[&["job", "A"], args].concat()).starts_with("--"), "{args:?}");
    }
    for args in [&["job"][..], &["job", "A", "B"], &["job", "A", "--nonsense"], &["job", "-a"]] {
        assert_eq!(package.craft(args).code, Some(2), "{args:?}");
    }
}

#[test]
fn a_missing_marker_is_asked_for_not_guessed() {
    let package = Package::ready();
    let module = package.read("src/jobs/mod.rs");
    package.write("src/jobs/mod.rs", module.replace("// craft:jobs", "// jobs"));
    let refused = package.refused(&["job", "SendMail"]);
    assert!(refused.contains("no line `// craft:jobs`"), "{refused}");
    assert!(refused.contains("\nmod send_mail;\npub use send_mail::SendMail;\n"), "{refused}");
    // With the lines in place it needs no marker.
    package.append("src/jobs/mod.rs", "mod send_mail;\npub use send_mail::SendMail;\n");
    assert!(package.done(&["job", "SendMail"]).contains("created  src/jobs/send_mail.rs\nkept     src/jobs/mod.rs\n"));
}

#[test]
fn a_dry_run_shows_the_diff_and_writes_nothing() {
    let package = Package::ready();
    let before = package.tree();
    let said = package.done(&["job", "A", "--dry-run"]);
    assert_eq!(package.tree(), before);
    for line in [
        "--- /dev/null\n+++ src/jobs/a.rs\n",
        "\n+pub struct A {\n",
        "--- src/jobs/mod.rs\n",
        "\n+mod a;\n+pub use a::A;\n // craft:jobs",
    ] {
        assert!(said.contains(line), "{line}: {said}");
    }
}

#[test]
fn colour_is_for_those_who_want_it() {
    let package = Package::ready();
    let dry = ["job", "A", "--dry-run"];
    assert!(!package.done(&dry).contains('\u{1b}'));
    let said = run(package.command("", &dry).env("CLICOLOR_FORCE", "1"));
    assert!(said.out.contains("\u{1b}[32m+mod a;\u{1b}[0m\n"), "{said:?}");
}

#[test]
fn line_endings_stay_and_a_file_without_an_end_is_ended() {
    let package = Package::ready();
    package.write("src/jobs/mod.rs", package.read("src/jobs/mod.rs").replace('\n', "\r\n"));
    package.done(&["job", "A"]);
    package.done(&["job", "B"]);
    let module = package.read("src/jobs/mod.rs");
    assert!(module.contains("\r\nmod a;\r\npub use a::A;\r\nmod b;\r\npub use b::B;\r\n// craft:jobs"), "{module:?}");
    assert_eq!(module.matches('\n').count(), module.matches("\r\n").count());
}

#[test]
fn a_test_is_left_out_where_it_is_not_wanted_or_cannot_be_written() {
    let package = Package::ready();
    package.done(&["job", "A", "--no-test"]);
    let said = package.done(&["job", "B", "--field", "price:crate::Money"]);
    assert!(said.contains("no test was written"), "{said}");
    package.done(&["job", "C"]);
    let has_test = |path: &str| package.read(path).contains("#[tokio::test]");
    assert!(!has_test("src/jobs/a.rs") && !has_test("src/jobs/b.rs") && has_test("src/jobs/c.rs"));
}

#[test]
fn the_code_is_in_the_style_of_the_package() {
    let package = Package::new(&[]);
    package.write("rustfmt.toml", "tab_spaces = 2\n");
    package.done(&["init", "--path", CHECKOUT]);
    package.done(&["job", "A", "--field", "a:Vec< (u8,u8) >"]);
    assert!(package.read("src/bin/craft.rs").contains("\n  queue_cli::run("));
    assert!(package.read("src/jobs/a.rs").contains("\n  pub a: Vec<(u8, u8)>,\n"));
    // Without rustfmt it is written all the same.
    let said = run(package.command("", &["job", "B"]).env("RUSTFMT", "no-such-rustfmt"));
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(package.read("src/jobs/b.rs").contains("\n    async fn handle(&self)"));
}

#[test]
fn of_several_at_once_none_is_lost() {
    let package = Package::ready();
    let names: Vec<String> = (0..12).map(|number| format!("job{number}")).collect();
    let running: Vec<_> = names
        .iter()
        .map(|name| package.command("", &["job", name]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
        .collect();
    let done: Vec<bool> = running.into_iter().map(|mut child| child.wait().unwrap().success()).collect();
    let module = package.read("src/jobs/mod.rs");
    for (name, done) in names.iter().zip(done) {
        // One that another was in the way of says so, and leaves nothing.
        assert_eq!(module.contains(&format!("mod {name};\n")), done, "{name}: {module}");
        assert_eq!(package.has(&format!("src/jobs/{name}.rs")), done, "{name}");
    }
    assert!(!package.has("src/jobs/.mod.rs.craft"));
}

#[test]
fn a_job_goes_to_the_package_that_was_chosen() {
    let package = Package::with(&[
        ("Cargo.toml", "[workspace]\nresolver = \"3\"\nmembers = [\"one\", \"two\"]\n"),
        ("one/Cargo.toml", "[package]\nname = \"one\"\nedition = \"2024\"\n"),
        ("one/src/lib.rs", ""),
        ("two/Cargo.toml", "[package]\nname = \"two\"\nedition = \"2024\"\n"),
        ("two/src/lib.rs", ""),
    ]);
    package.done(&["init", "--path", CHECKOUT, "--package", "two"]);
    assert!(package.refused(&["job", "A"]).contains("choose a member"));
    assert!(package.refused(&["job", "A", "-p", "one"]).contains("the package `one` has no jobs yet: run `craft init` first"));
    package.done(&["job", "A", "-p", "two"]);
    assert!(package.has("two/src/jobs/a.rs"));
}
