//! A store in memory: all in one process, and nothing from outside.

use crate::process::{bare, run, run_on};

fn in_one_process(lines: &[&str]) -> crate::process::Ran {
    run_on(bare(&[]).env("TEST_STAGE", "memory"), lines.join("\n").as_bytes())
}

#[test]
fn push_list_and_work_see_one_store_in_one_process() {
    let said = in_one_process(&[
        "queue:push Greet name=Ada",
        "queue:list -o jsonl",
        "queue:work --stop-when-empty --quiet",
        "queue:list -o jsonl",
        "queue:push Greet name=Bob",
        "queue:work --once --quiet",
        "queue:list -o jsonl",
    ])
    .ends_with(0)
    .complains("hello Ada")
    .complains("hello Bob");
    let counts: Vec<_> = said
        .out
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter(|queue| queue["name"] == "mail")
        .map(|queue| (queue["available"].as_u64().unwrap(), queue["completed"].as_u64().unwrap()))
        .collect();
    assert_eq!(counts, [(1, 0), (0, 1), (0, 2)], "{}", said.out);
}

#[test]
fn what_lives_in_the_memory_of_another_process_is_refused() {
    for url in ["memory:", "async:"] {
        let scheme = url.trim_end_matches(':');
        let command = |words: &[&str]| {
            let mut command = bare(words);
            command.env("QUEUE_URL", url);
            command
        };
        for words in [&["queue:list"][..], &["queue:jobs"], &["check", "--store"], &["queue:workers"]] {
            let said = run(&mut command(words)).ends_with(78);
            said.complains(&format!("`{scheme}:` lives in the memory of a process")).complains("use a store that is shared");
        }
        let said = run(&mut command(&["queue:push", "Greet", "name=x"])).ends_with(78);
        said.complains("what is pushed would die with this command");
        run(&mut command(&["queue:replay", "019abf0e-5d1c-7b3e-9c41-3f6e0a9d2b11"])).ends_with(78);
        // There is nothing to work on, and it ends as it should.
        run(&mut command(&["queue:work", "--once"])).ends_with(0);
    }
}
