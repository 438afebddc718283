//! A store that is not named, not there, not reached, or not known.

use crate::craft::craft;

/// Commands that look, of each sort.
const LOOKS: [&str; 6] = ["queue:list", "queue:jobs", "stats", "queue:retry all --yes", "queue:pause mail", "queue:workers"];

#[test]
fn without_a_url_nothing_is_guessed() {
    for words in LOOKS.into_iter().chain(["migrate", "queue:work --once", "queue:push Purges"]) {
        craft(words).run().refused(78, &["no store is named", "hint: set QUEUE_URL"]);
    }
    craft("stats").on(" ").run().refused(78, &["no store is named"]);
    // Another variable does not name it.
    craft("stats").env("DATABASE_URL", "sqlite:x.db").run().refused(78, &["no store is named"]);
}

#[test]
fn a_url_that_is_none_is_a_wrong_setting() {
    for url in ["redis://here", "jobs.db", "postgresql", "sqlite:x.db?wal=maybe", "sqlit:x.db"] {
        let ran = craft("queue:list").on(url).run().code(78);
        assert!(ran.out.is_empty() && ran.err.starts_with("error: ") && !ran.err.contains("panicked"), "{url}: {ran:?}");
    }
    craft("queue:list").on("redis://me:secret@here").run().refused(78, &["redis"]);
    let secret = craft("queue:list").on("redis://me:secret@here").run();
    assert!(!secret.err.contains("secret"), "{secret:?}");
}

#[test]
fn a_store_in_memory_has_no_outside() {
    for words in LOOKS {
        craft(words).on("memory:").run().refused(78, &["`memory:` lives in the memory of a process", "sqlite:jobs.db"]);
    }
    craft("queue:push Purges").on("memory:").run().refused(78, &["would die with this command"]);
    craft("migrate").on("memory:").run().refused(78, &["`memory:` has no schema"]);
    craft("migrate:sql").on("memory:").run().refused(78, &["`memory:` has no schema"]);
}

#[test]
fn a_server_that_is_away_is_waited_for_as_long_as_was_said() {
    // One that takes connections and never says a word, and a port where nobody is.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let ports = [silent.local_addr().unwrap().port(), 1];
    for (port, words) in
        ports.into_iter().flat_map(|port| LOOKS.into_iter().chain(["queue:push Purges"]).map(move |words| (port, words)))
    {
        let url = format!("postgres://me:secret@127.0.0.1:{port}/app");
        let ran = craft(words).arg("--wait").arg("500ms").on(&url).run().code(69);
        assert!(ran.out.is_empty() && !ran.err.contains("secret") && ran.err.starts_with("error: "), "{ran:?}");
    }
}

/// Whatever the URL says besides: who looks makes nothing.
#[test]
fn a_file_is_named_as_the_driver_reads_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("my jobs.db");
    let url = format!("sqlite:{}?create=on&migrate=on", file.display().to_string().replace(' ', "%20"));
    let named = format!("which means the file `{}`", file.display());
    craft("queue:list").on(&url).run().refused(1, &[&named]);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_file_that_is_not_there_is_said_and_not_made() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("jobs.db").display());
    for words in LOOKS {
        let ran = craft(words).on(&url).run().refused(1, &["error: ", "hint: "]);
        assert!(ran.err.contains("migrate"), "{ran:?}");
    }
    craft("migrate --status").on(&url).run().code(0);
    craft("migrate --check").on(&url).run().code(3);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    craft("queue:list").on("sqlite:/nowhere/at/all.db").run().refused(1, &["error: "]);
}

#[tokio::test]
async fn a_schema_that_is_not_there_is_said_and_not_made() {
    let Some(place) = crate::place::Place::schema() else { return };
    for words in LOOKS {
        place.craft(words).run().refused(1, &["there is no store of jobs at this URL yet", "`craft migrate`"]);
    }
    place.craft("migrate --check").run().code(3);
    place.craft("migrate").run().done();
    assert_eq!(place.craft("queue:list -o json").run().done(), "[]\n");
}

#[test]
fn a_file_of_something_else_is_no_store() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("jobs.db");
    std::fs::write(&file, "a letter to my sister, and no database at all".repeat(200)).unwrap();
    let ran = craft("queue:list").on(&format!("sqlite:{}", file.display())).run();
    assert!(matches!(ran.code, Some(1 | 78)) && !ran.err.contains("panicked"), "{ran:?}");
}
