//! Processes are killed at random moments, several on one store at a time.
//!
//! What is random goes by a seed; what the system does in between does not. `QUEUE_CRASH_SEED` takes one seed of yours, and
//! `QUEUE_CRASH_ROUNDS` says how many rounds each seed has.

use std::time::Duration;

use crate::checker::Allowed;
use crate::site::{Site, say};

/// The rounds of a seed: two processes are killed in each.
const ROUNDS: usize = 32;

/// Who is killed, who is killed beside it, and for how long they go on at most, in milliseconds.
type Pair = (&'static str, &'static str, u64);

/// The kills of a run: pushes, fetches, runs, settlements, retries, cancels, prunings and migrations are under way in them.
const PAIRS: [Pair; 6] = [
    ("does-both", "pushes", 60),
    ("works", "pushes", 60),
    ("works", "acts", 60),
    ("does-both", "works", 60),
    ("pushes", "acts", 40),
    ("opens", "does-both", 30),
];

fn rounds() -> usize {
    std::env::var("QUEUE_CRASH_ROUNDS").map_or(ROUNDS, |rounds| rounds.parse().expect("`QUEUE_CRASH_ROUNDS` is a number"))
}

pub(crate) async fn kill_at_random(site: Site, seed: u64, pruning: bool) {
    let seed = std::env::var("QUEUE_CRASH_SEED").map_or(seed, |seed| seed.parse().expect("`QUEUE_CRASH_SEED` is a number"));
    let mut random = fastrand::Rng::with_seed(seed);
    for _ in 0..rounds() {
        let (first, mut second, most) = PAIRS[random.usize(..PAIRS.len())];
        if pruning && second == "acts" {
            second = "prunes";
        }
        let [first, second] = [first, second].map(|role| site.start(role, random.u64(..), &["48"]));
        // Now and then before it has opened the store, which it may have to make.
        if random.u32(0..4) > 0 {
            first.expect("opened");
        }
        // By time it mostly dies in the store, and by what it wrote it dies close to what it did; a busy machine changes only the first.
        if random.bool() {
            first.go_on(Duration::from_micros(random.u64(0..most * 1_000)));
        } else {
            let bytes = random.u64(0..12_000);
            first.go_on_until(Duration::from_millis(8 * most), || site.written(&first) >= bytes);
        }
        first.kill();
        second.go_on(Duration::from_micros(random.u64(0..most * 300)));
        second.kill();
    }
    say(&format!("seed {seed}: {} kills, {} entries", 2 * rounds(), site.entries().len()));
    site.settle(Allowed { pruning, ..Allowed::default() }).await;
}

pub(crate) async fn kill_the_first_open(site: Site, random: &mut fastrand::Rng) {
    let both = ["opens", "pushes"].map(|role| site.start(role, 1, &["3"]));
    for process in both {
        process.expect("begins");
        process.go_on(Duration::from_micros(random.u64(0..15_000)));
        process.kill();
    }
    let (_, queue) = site.open().await;
    queue.shutdown().await.unwrap();
    site.settle(Allowed::default()).await;
}

#[tokio::test]
async fn the_first_open_is_killed_at_random() {
    let mut random = fastrand::Rng::with_seed(5);
    for _ in 0..20 {
        kill_the_first_open(Site::new(), &mut random).await;
    }
}

#[tokio::test]
async fn seed_1() {
    kill_at_random(Site::new(), 1, false).await;
}

#[tokio::test]
async fn seed_2() {
    kill_at_random(Site::new(), 2, false).await;
}

#[tokio::test]
async fn seed_3() {
    kill_at_random(Site::new(), 3, false).await;
}

#[tokio::test]
async fn seed_4_with_pruning() {
    kill_at_random(Site::new(), 4, true).await;
}
