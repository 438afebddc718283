//! What programs read: documents that parse, with the fields that they may rely on.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::filled::{EVIL, fill};
use crate::place::on_both;
use crate::snapshot::alike;
use crate::store::id;

/// Every field of a document, with the way to it.
fn fields(value: &Value, way: &str, found: &mut BTreeSet<String>) {
    match value {
        // What is in those is the user's own.
        Value::Object(fields_of) if !["args", "meta"].contains(&way) => {
            for (name, value) in fields_of {
                let way = if way.is_empty() { name.clone() } else { format!("{way}.{name}") };
                fields(value, &way, found);
                found.insert(way);
            }
        }
        Value::Array(values) => values.iter().for_each(|value| fields(value, way, found)),
        _ => {}
    }
}

fn listed<'a>(documents: impl IntoIterator<Item = &'a Value>) -> String {
    let mut found = BTreeSet::new();
    documents.into_iter().for_each(|document| fields(document, "", &mut found));
    found.into_iter().collect::<Vec<_>>().join(" ")
}

/// What a command prints, and the fields of it: they do not change without a new major version.
const STABLE: [(&str, &str); 9] = [
    (
        "queue:list",
        "available cancelled completed failed held name oldest_available_seconds paused retryable running scheduled slots unserved workers",
    ),
    (
        "queue:jobs",
        "args attempt created_at due_at errors errors.at errors.attempt errors.message finished_at id kind max_attempts meta priority \
         progress progress.message progress.percent queue rescues started_at state tags unique_key version worker",
    ),
    (
        "queue:failed",
        "args attempt created_at due_at errors errors.at errors.attempt errors.message finished_at id kind max_attempts meta priority \
         progress queue rescues started_at state tags unique_key version worker",
    ),
    ("queue:failed --group", "count error example first_at kind last_at"),
    (
        "queue:workers",
        "alive host id kinds lease_seconds name pid queues queues.name queues.slots running seen_at started_at state",
    ),
    ("queue:monitor", "alerts failed name ok oldest_available_seconds unserved waiting"),
    (
        "stats",
        "at available cancelled completed ended_per_second failed held oldest_available_seconds paused queues retryable running \
         scheduled slots unserved workers",
    ),
    ("migrate --status", "pending version wanted"),
    (
        "queue:explain 01900000-0000-7000-8000-000000000007",
        "id kind queue reasons reasons.code reasons.remedy reasons.text state",
    ),
];

on_both! {
    async fn documents_parse_and_have_the_fields_that_programs_rely_on(place) {
        fill(&place).await.close().await.unwrap();
        for (words, stable) in STABLE {
            let lines = place.craft(&format!("{words} --output jsonl")).run();
            let lines = lines.json_lines();
            assert!(!lines.is_empty(), "{words}");
            assert_eq!(listed(&lines), stable, "{words}");
            let whole = place.craft(&format!("{words} -o json")).run().json();
            match &whole {
                Value::Array(whole) => assert_eq!(whole.len(), lines.len(), "{words}"),
                one => assert_eq!(listed([one]), stable, "{words}"),
            }
        }
    }

    async fn documents_say_what_is_stored(place) {
        fill(&place).await.close().await.unwrap();
        let jobs = place.craft("queue:jobs --output json --oldest-first").run().json();
        alike("json-jobs", &format!("{jobs:#}\n"));
        let list = place.craft("queue:list --output jsonl").run().code(0);
        alike("jsonl-list", &list.out);
        let workers = place.craft("queue:workers").env("QUEUE_OUTPUT", "jsonl").run().code(0);
        alike("jsonl-workers", &workers.out);
        let shown = place.craft("queue:show mail --output json").run().json();
        assert_eq!(shown["queue"]["failed"], 3);
        assert_eq!(shown["failed"][0]["id"], id(9).to_string());
        let evil = place.craft("queue:job").arg(id(11).to_string()).arg("--output").arg("json").run();
        // What controls a terminal is escaped by JSON itself, and a program gets it as it is.
        assert!(!evil.out.contains('\u{1b}'));
        assert_eq!((&evil.json()["kind"], &evil.json()["queue"]), (&EVIL.into(), &EVIL.into()));
    }

    async fn nothing_is_said_to_people_where_a_program_reads(place) {
        fill(&place).await.close().await.unwrap();
        assert_eq!(place.craft("queue:jobs kind:Nobody --output jsonl").run().done(), "");
        assert_eq!(place.craft("queue:jobs kind:Nobody --output json").run().done(), "[]\n");
        assert_eq!(place.craft("queue:jobs -n 1 --output jsonl").run().done().lines().count(), 1);
    }
}
