//! `craft init`.

use std::fs;

use crate::package::{CHECKOUT, Package, checkout, run};

const MANIFEST: &str = "[package]\nname = \"app\"\nversion = \"0.1.0\"\nedition = \"2024\"\n";

#[test]
fn a_program_gets_a_library_with_jobs_beside_it() {
    let package = Package::new(&[]);
    let main = package.read("src/main.rs");
    let said = package.done(&["init", "--path", CHECKOUT]);
    for line in [
        "changed  Cargo.toml\n",
        "created  src/lib.rs\n",
        "created  src/jobs/mod.rs\n",
        "created  src/bin/craft.rs\n",
        "created  .cargo/config.toml\n",
        "changed  .gitignore\n",
        "craft job SendWelcomeEmail",
        "cargo craft queue:work",
        "`app::jobs::..`",
    ] {
        assert!(said.contains(line), "{line}: {said}");
    }
    assert_eq!(package.read("src/main.rs"), main);
    assert_eq!(
        package.read("src/bin/craft.rs"),
        "//! The command line of this program's jobs: `cargo craft help`.\n\nuse app as _; // links its jobs\n\n\
         fn main() -> std::process::ExitCode {\n    queue_cli::run(app::jobs::container)\n}\n"
    );
    assert_eq!(
        package.read(".cargo/config.toml"),
        "[alias]\ncraft = \"run --quiet --bin craft --\"\n\n[env]\nQUEUE_URL = \"sqlite:jobs.db\"\n"
    );
    assert!(package.read("Cargo.toml").contains("default-run = \"app\"\n"));
    assert!(package.read(".gitignore").ends_with("\njobs.db*\n"));
    assert_eq!(package.binaries(), ["app", "craft"]);
}

#[test]
fn a_second_time_nothing_changes() {
    for args in [
        &["init", "--path", CHECKOUT][..],
        &["init", "--path", CHECKOUT, "--driver", "postgres"],
        &["init", "--path", CHECKOUT, "--driver", "memory", "--bin", "jobs-cli"],
    ] {
        let package = Package::new(&[]);
        package.done(args);
        let before = package.tree();
        assert!(package.done(args).contains("nothing changed"), "{args:?}");
        assert_eq!(package.tree(), before);
        // What it was asked for before is what it finds.
        assert!(package.done(&["init", "--path", CHECKOUT]).contains("nothing changed"), "{args:?}");
        assert_eq!(package.tree(), before);
    }
}

/// Another crate has the name in the registry.
#[test]
fn nothing_is_taken_from_the_registry() {
    let package = Package::new(&[]);
    assert!(package.refused(&["init"]).contains("`queue` is not published yet: name your copy"));
    package.done(&["init", "--path", CHECKOUT]);
    assert!(package.done(&["init"]).contains("nothing changed"));
}

#[test]
fn a_dry_run_shows_what_would_change_and_writes_nothing() {
    let package = Package::new(&[]);
    let before = package.tree();
    let said = package.done(&["init", "--path", CHECKOUT, "--dry-run"]);
    assert_eq!(package.tree(), before);
    for line in [
        "--- Cargo.toml\n+++ Cargo.toml\n@@ ",
        "\n+default-run = \"app\"\n",
        "--- /dev/null\n+++ src/lib.rs\n",
        "\n+pub mod jobs;\n",
    ] {
        assert!(said.contains(line), "{line}: {said}");
    }
    package.done(&["init", "--path", CHECKOUT]);
    assert_eq!(package.done(&["init", "--path", CHECKOUT, "--dry-run"]), "nothing would change\n");
}

#[test]
fn a_library_keeps_what_it_has() {
    let package = Package::new(&["--lib"]);
    let library = package.read("src/lib.rs");
    let said = package.done(&["init", "--path", CHECKOUT]);
    assert_eq!(package.read("src/lib.rs"), format!("pub mod jobs;\n\n{library}"));
    assert!(!package.read("Cargo.toml").contains("default-run") && !said.contains("live in the library"), "{said}");
    assert_eq!(package.binaries(), ["craft"]);
}

#[test]
fn a_library_is_called_by_its_own_name_and_found_at_its_own_path() {
    let package = Package::with(&[
        ("Cargo.toml", &format!("{MANIFEST}\n[lib]\nname = \"the_core\"\npath = \"code/root.rs\"\n")),
        ("code/root.rs", "//! Core.\n\nmod a;\nmod z;\n"),
        ("code/a.rs", ""),
        ("code/z.rs", ""),
    ]);
    package.done(&["init", "--path", CHECKOUT]);
    assert_eq!(package.read("code/root.rs"), "//! Core.\n\nmod a;\npub mod jobs;\nmod z;\n");
    assert!(package.has("code/jobs/mod.rs") && !package.has("src/lib.rs"));
    assert!(package.read("src/bin/craft.rs").contains("queue_cli::run(the_core::jobs::container)"));
    package.done(&["job", "A"]);
    assert!(package.has("code/jobs/a.rs"));
}

#[test]
fn a_member_of_a_workspace_is_chosen() {
    let package = Package::with(&[
        ("Cargo.toml", "[workspace]\nresolver = \"3\"\nmembers = [\"one\", \"my-two\"]\n"),
        ("one/Cargo.toml", &MANIFEST.replace("app", "one")),
        ("one/src/lib.rs", ""),
        ("my-two/Cargo.toml", &MANIFEST.replace("app", "my-two")),
        ("my-two/src/main.rs", "fn main() {}\n"),
    ]);
    let refused = package.refused(&["init", "--path", CHECKOUT]);
    assert!(
        refused.contains("a workspace without a package") && refused.contains("one") && refused.contains("my-two"),
        "{refused}"
    );
    assert!(package.refused(&["init", "--path", CHECKOUT, "-p", "three"]).contains("no package `three`"));
    let root = package.read("Cargo.toml");
    package.done(&["init", "--path", CHECKOUT, "-p", "my-two"]);
    assert_eq!(package.read("Cargo.toml"), root);
    assert!(package.read("my-two/src/bin/craft.rs").contains("use my_two as _;"));
    assert!(package.has("my-two/.cargo/config.toml") && !package.has(".cargo"));
    // From within a folder of the other.
    let said = run(&mut package.command("one/src", &["init", "--path", CHECKOUT]));
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(package.has("one/src/jobs/mod.rs"));
}

#[test]
fn what_cargo_is_told_already_is_kept() {
    let package = Package::new(&[]);
    let config = "# ours\n[alias]\ncraft = \"run --bin other --\"\n[env]\nQUEUE_URL = \"sqlite:/data/jobs.db\"\n";
    package.write(".cargo/config.toml", config);
    assert!(package.done(&["init", "--path", CHECKOUT]).contains("kept     .cargo/config.toml"));
    assert_eq!(package.read(".cargo/config.toml"), config);

    let package = Package::new(&[]);
    package.write(".cargo/config", "[build]\njobs = 2\n");
    package.done(&["init", "--path", CHECKOUT, "--driver", "memory"]);
    assert_eq!(package.read(".cargo/config"), "[build]\njobs = 2\n\n[alias]\ncraft = \"run --quiet --bin craft --\"\n");
    assert!(!package.has(".cargo/config.toml"));
}

#[test]
fn line_endings_stay() {
    let package = Package::new(&[]);
    for path in ["Cargo.toml", ".gitignore"] {
        package.write(path, package.read(path).replace('\n', "\r\n"));
    }
    package.write("src/lib.rs", "\u{feff}//! Doc.\r\n\r\nfn f() {}\r\n");
    package.done(&["init", "--path", CHECKOUT]);
    for path in ["Cargo.toml", ".gitignore", "src/lib.rs"] {
        let text = package.read(path);
        assert_eq!(text.matches('\n').count(), text.matches("\r\n").count(), "{path}: {text:?}");
    }
    assert_eq!(package.read("src/lib.rs"), "\u{feff}//! Doc.\r\n\r\npub mod jobs;\r\n\r\nfn f() {}\r\n");
    assert!(package.read("Cargo.toml").contains("default-run = \"app\"\r\n"));
    assert_eq!(package.binaries(), ["app", "craft"]);
}

#[test]
fn programs_with_names_of_their_own_stay() {
    let named = "\n[[bin]]\nname = \"serve\"\npath = \"src/main.rs\"\n";
    let package = Package::with(&[("Cargo.toml", &format!("{MANIFEST}{named}")), ("src/main.rs", "fn main() {}\n")]);
    package.done(&["init", "--path", CHECKOUT]);
    assert!(package.read("Cargo.toml").contains("default-run = \"serve\"\n"));
    assert_eq!(package.binaries(), ["craft", "serve"]);

    let manifest = format!("{MANIFEST}autobins = false\n{named}");
    let package = Package::with(&[("Cargo.toml", &manifest), ("src/main.rs", "fn main() {}\n")]);
    package.done(&["init", "--path", CHECKOUT]);
    assert_eq!(package.binaries(), ["craft", "serve"]);
    assert!(package.done(&["init", "--path", CHECKOUT]).contains("nothing changed"));

    let package = Package::new(&[]);
    package.write("src/bin/other.rs", "fn main() {}\n");
    package.done(&["init", "--path", CHECKOUT]);
    assert!(!package.read("Cargo.toml").contains("default-run"), "the user has to choose already");
}

#[test]
fn the_binary_may_have_another_name() {
    let package = Package::new(&[]);
    package.done(&["init", "--path", CHECKOUT, "--bin", "jobs-cli"]);
    assert!(package.read("Cargo.toml").contains("[package.metadata.queue]\nbin = \"jobs-cli\"\n"));
    assert!(package.read(".cargo/config.toml").contains("craft = \"run --quiet --bin jobs-cli --\""));
    assert_eq!(package.binaries(), ["app", "jobs-cli"]);
}

#[test]
fn each_driver_says_where_its_jobs_are() {
    let package = Package::new(&[]);
    assert!(package.done(&["init", "--path", CHECKOUT, "--driver", "postgres"]).contains("export QUEUE_URL=postgres://"));
    assert!(package.read("Cargo.toml").contains("features = [\"postgres\"]"));
    assert!(!package.read(".cargo/config.toml").contains("QUEUE_URL") && !package.read(".gitignore").contains("jobs.db"));
    let package = Package::new(&[]);
    assert!(package.done(&["init", "--path", CHECKOUT, "--driver", "memory"]).contains("QUEUE_URL=memory:"));
    assert_eq!(package.craft(&["init", "--path", CHECKOUT, "--driver", "paper"]).code, Some(2));
}

#[test]
fn a_checkout_is_written_relative_to_the_package() {
    let package = Package::new(&[]);
    for (path, name) in [("../lib/queue", "queue"), ("../lib/queue-cli", "queue-cli"), ("../half/queue", "queue")] {
        package.write(&format!("{path}/Cargo.toml"), format!("[package]\nname = \"{name}\"\n"));
    }
    assert!(package.refused(&["init", "--path", "../nowhere"]).contains("no package queue"));
    assert!(package.refused(&["init", "--path", "../half"]).contains("no package queue-cli"));
    assert!(package.refused(&["init", "--path", "../half/queue"]).contains("no package queue-cli"));
    // From another folder, by the root and by the folder `queue`.
    for path in ["../../lib", "../../lib/queue"] {
        let said = run(&mut package.command("src", &["init", "--path", path]));
        assert_eq!(said.code, Some(0), "{said:?}");
        let manifest = package.read("Cargo.toml");
        assert!(manifest.contains("queue = { path = \"../lib/queue\", features = [\"sqlite\"] }\n"), "{manifest}");
        assert!(manifest.contains("queue-cli = { path = \"../lib/queue-cli\", default-features = false }\n"), "{manifest}");
    }
    let package = Package::new(&[]);
    package.done(&["init", "--path", checkout().to_str().unwrap()]);
    assert!(package.read("Cargo.toml").contains(&format!("path = \"{}\"", checkout().join("queue").display())));
}

#[test]
fn what_is_read_only_is_named_and_nothing_is_written() {
    for (path, why) in [("Cargo.toml", "Cargo.toml is read-only"), ("src", "the folder src is read-only"), (".", "is read-only")]
    {
        let package = Package::new(&[]);
        let mut permissions = fs::metadata(package.path(path)).unwrap().permissions();
        let writable = permissions.clone();
        permissions.set_readonly(true);
        fs::set_permissions(package.path(path), permissions).unwrap();
        let refused = package.refused(&["init", "--path", CHECKOUT]);
        assert!(refused.contains(why), "{path}: {refused}");
        // So that the folder can go.
        fs::set_permissions(package.path(path), writable).unwrap();
    }
}

#[test]
fn what_is_not_utf_8_is_named_and_nothing_is_written() {
    for path in ["src/lib.rs", "src/jobs/mod.rs", ".gitignore"] {
        let package = Package::new(&[]);
        package.write(path, b"# \xff\n");
        let refused = package.refused(&["init", "--path", CHECKOUT]);
        assert!(refused.contains(&format!("{path} is not UTF-8, from byte 2 on")), "{refused}");
    }
}

#[test]
fn what_is_in_the_way_is_named_and_nothing_is_written() {
    let with_lib = |text: &str| {
        let package = Package::new(&["--lib"]);
        package.write("src/lib.rs", text);
        package
    };
    assert!(Package::empty().refused(&["init", "--path", CHECKOUT]).contains("no Cargo.toml in this folder or above"));
    let refused = with_lib("mod jobs;\n").refused(&["init", "--path", CHECKOUT]);
    assert!(refused.contains("src/lib.rs has `mod jobs;`") && refused.contains("`pub mod jobs;`"), "{refused}");
    assert!(with_lib("pub mod jobs {}\n").refused(&["init", "--path", CHECKOUT]).contains("with a body"));
    assert!(with_lib("fn {\n").refused(&["init", "--path", CHECKOUT]).contains("cannot parse src/lib.rs"));

    let package = Package::new(&[]);
    package.write("src/jobs.rs", "pub fn mine() {}\n");
    let refused = package.refused(&["init", "--path", CHECKOUT]);
    assert!(refused.contains("src/jobs.rs is there and has no `pub fn container()`"), "{refused}");
    package.append("src/jobs.rs", "pub fn container() -> queue::Container { mine() }\n");
    assert!(package.done(&["init", "--path", CHECKOUT]).contains("kept     src/jobs.rs"));
    assert!(!package.has("src/jobs"));

    let package = Package::new(&[]);
    package.write("src/bin/craft.rs", "fn main() {}\n");
    assert!(package.refused(&["init", "--path", CHECKOUT]).contains("does not call queue_cli::run"));
}

#[test]
fn a_package_that_cannot_have_jobs_is_told_why() {
    for (manifest, why) in [
        ("[package]\nname = \"app\"\n".to_owned(), "edition 2015"),
        (format!("{MANIFEST}[lib]\nproc-macro = true\n"), "cannot be linked"),
        (format!("{MANIFEST}[lib]\ncrate-type = [\"cdylib\"]\n"), "cannot be linked"),
        (format!("{MANIFEST}[lib]\nname = \"queue\"\n"), "is called `queue`"),
        (MANIFEST.replace("app", "queue-cli"), "is called `queue_cli`"),
        (format!("{MANIFEST}[dependencies]\nq = {{ package = \"queue\", version = \"0.1\" }}\n"), "renames `queue` to `q`"),
        (format!("{MANIFEST}[[bin]]\nname = \"craft\"\npath = \"src/lib.rs\"\n"), "already: choose another name"),
        (format!("{MANIFEST}[nonsense"), "cargo cannot read"),
    ] {
        let package = Package::with(&[("Cargo.toml", &manifest), ("src/lib.rs", "")]);
        let refused = package.refused(&["init", "--path", CHECKOUT]);
        assert!(refused.contains(why), "{manifest}: {refused}");
    }
    let manifest = format!("{MANIFEST}autolib = false\n");
    let package = Package::with(&[("Cargo.toml", &manifest), ("src/main.rs", "fn main() {}\n")]);
    assert!(package.refused(&["init", "--path", CHECKOUT]).contains("autolib"));
}

#[test]
fn a_name_that_no_binary_can_have_is_refused() {
    let package = Package::new(&[]);
    for name in ["", "../x", "a b", "1a", "a/b", "fn", "con", "build", "app"] {
        assert!(package.refused(&["init", "--path", CHECKOUT, &format!("--bin={name}")]).starts_with("--bin "), "{name}");
    }
}
