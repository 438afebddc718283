//! Which jobs a list has, and where it ends.

use std::collections::BTreeSet;

use queue::drivers::{Group, NewJob};
use queue::job::Outcome;

use crate::craft::{Craft, Ran};
use crate::place::{Place, on_both};
use crate::store::{end, extra, fail, id, job, jobs, push};

/// The numbers of the jobs that are listed, in their order.
fn numbers(ran: &Ran) -> Vec<u128> {
    ran.json_lines().iter().map(|job| job["id"].as_str().unwrap().parse::<queue::JobId>().unwrap().as_u128() & 0xffff).collect()
}

fn listed(craft: Craft) -> Vec<u128> {
    numbers(&craft.env("QUEUE_OUTPUT", "jsonl").run().code(0))
}

/// 1 and 2 wait in `mail`, 3 failed there, 4 failed in `images`, 5 is completed.
async fn five(place: &Place) {
    let driver = place.open().await;
    let tagged = NewJob { extra: extra(|extra| extra.tags = vec!["vip".to_owned()]), ..job(2) };
    let mut all = vec![job(1), tagged, job(3)];
    all.push(NewJob { queue: "images".into(), kind: "Fails".into(), payload: br#"{"user":{"id":42}}"#[..].into(), ..job(4) });
    all.push(job(5));
    push(&driver, all).await;
    end(&driver, id(3), fail("connection refused")).await;
    end(&driver, id(4), fail("timed out")).await;
    end(&driver, id(5), Outcome::Complete).await;
    driver.close().await.unwrap();
}

on_both! {
    async fn a_filter_is_words_and_one_with_a_dash_leaves_out(place) {
        five(&place).await;
        let jobs = |words: &str| listed(place.craft(&format!("queue:jobs {words}")));
        assert_eq!(jobs(""), [5, 4, 3, 2, 1], "the newest first");
        assert_eq!(jobs("--oldest-first"), [1, 2, 3, 4, 5]);
        assert_eq!(jobs("state:failed"), [4, 3]);
        assert_eq!(jobs("state:failed -queue:mail"), [4]);
        assert_eq!(jobs("-queue:mail state:failed"), [4], "a dash may come first");
        assert_eq!(jobs("-state:failed -tag:vip"), [5, 1]);
        assert_eq!(jobs("-Fails"), [5, 3, 2, 1], "a bare kind, too");
        assert_eq!(jobs("tag:vip"), [2]);
        assert_eq!(jobs("args.user.id:42"), [4]);
        assert_eq!(jobs("kind:Greet,Fails queue:images"), [4]);
        assert_eq!(jobs("state:waiting"), [2, 1]);
        assert_eq!(jobs("-- -queue:mail"), [4]);
        assert_eq!(listed(place.craft("queue:jobs").arg("error:\"timed out\"")), [4]);
        assert_eq!(listed(place.craft("queue jobs queue:images")), [4], "the other spelling");
        assert_eq!(listed(place.craft("queue:failed -queue:images")), [3]);
        assert_eq!(listed(place.craft("queue:failed state:completed")), [4, 3], "they are the failed ones all the same");
    }

    async fn options_may_stand_behind_a_filter(place) {
        five(&place).await;
        assert_eq!(listed(place.craft("queue:jobs state:failed -n 1")), [4]);
        assert_eq!(listed(place.craft("queue:jobs -queue:images --limit 2 --oldest-first")), [1, 2]);
        assert_eq!(numbers(&place.craft("queue:jobs queue:images --output jsonl").run().code(0)), [4]);
        assert_eq!(numbers(&place.craft("queue:failed -queue:mail -o jsonl").run().code(0)), [4]);
        place.craft("queue:jobs state:failed --limt 3").run().refused(2, &["--limt", "--limit"]);
        place.craft("queue:failed state:failed -x").run().refused(2, &["-x"]);
    }

    async fn actions_take_the_same_filter(place) {
        five(&place).await;
        let ran = place.craft("queue:retry -queue:mail --dry-run --output jsonl").run().code(0).says(&["would retry 1 job"]);
        assert_eq!(numbers(&ran), [4]);
        let ran = place.craft("queue:forget -Fails state:failed --dry-run -o jsonl").run().code(0);
        assert_eq!(numbers(&ran), [3]);
        let ran = place.craft("queue:cancel all -tag:vip --dry-run -o jsonl").run();
        ran.refused(2, &["all"]);
        let ran = place.craft("queue:cancel -tag:vip --dry-run -o jsonl").run().code(0);
        assert_eq!(numbers(&ran), [1]);
    }

    async fn pages_go_on_to_the_end_with_every_job_once(place) {
        let driver = place.open().await;
        push(&driver, jobs(1..=25)).await;
        driver.close().await.unwrap();
        for order in ["", "--oldest-first"] {
            let mut seen = Vec::new();
            let mut more = String::new();
            loop {
                let ran = place.craft(&format!("queue:jobs -n 10 -o jsonl {order} {more}")).run().code(0);
                let page = numbers(&ran);
                if page.is_empty() {
                    break;
                }
                more = format!("--after {}", id(*page.last().unwrap()));
                seen.extend(page);
            }
            assert_eq!(seen.len(), 25);
            assert_eq!(seen.iter().copied().collect::<BTreeSet<_>>(), (1..=25).collect());
            assert_eq!(seen.is_sorted(), !order.is_empty());
        }
        // Nothing is said of a limit where there is one.
        let ran = place.craft("queue:jobs").run().code(0).says(&["there may be more: `--after 01900000-0000-7000-8000-000000000006` goes on"]);
        assert_eq!(ran.out.lines().count(), 1 + 20);
        assert_eq!(place.craft("queue:jobs -n 26").run().done().lines().count(), 1 + 25);
    }
}

/// A store gives a thousand jobs at once at most.
#[tokio::test]
async fn a_list_is_as_long_as_was_said_and_says_when_it_is_not() {
    let place = Place::file();
    let driver = place.open().await;
    let all = jobs(1..=100_500);
    driver.push(&[Group { jobs: all, tick: None }]).await.remove(0).unwrap();
    driver.close().await.unwrap();
    assert_eq!(listed(place.craft("queue:jobs -n 10400")).len(), 10_400);
    let few = place.craft("queue:jobs kind:Fails").run().code(0);
    assert!(few.err.contains("looked at up to 100000 jobs and there are more: `--after "), "{}", few.err);
    assert_eq!(place.craft("queue:jobs kind:Fails --thorough").run().code(0).err, "no job fits\n");
}

#[tokio::test]
async fn a_token_that_is_none_is_pointed_at() {
    let place = Place::file();
    five(&place).await;
    let ran = place.craft("queue:jobs queue:mail stat:failed").run();
    let ran = ran.refused(2, &["error: this filter cannot be read", "queue:mail stat:failed", "^^^^", "state"]);
    crate::snapshot::same("filter-error", &ran.err);
    place.craft("queue:retry state:fialed").run().refused(2, &["state:fialed", "^", "failed"]);
    place.craft("queue:failed since:tomorrow").run().refused(2, &["since:tomorrow", "^"]);
}

#[test]
fn a_limit_has_bounds() {
    for limit in ["0", "100001", "-1", "x"] {
        crate::craft::craft(&format!("queue:jobs --limit={limit}")).run().refused(2, &[limit]);
    }
    crate::craft::craft("queue:jobs --after x").run().refused(2, &["--after"]);
}
