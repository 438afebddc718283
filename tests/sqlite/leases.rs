//! Leases while the file is held, the clock jumps, the machine sleeps, or a worker dies.

use std::time::Duration;

use queue::JobState;
use queue::drivers::{Driver as _, MaintainLimits, NewJob, Settled, Sqlite};
use queue::job::Outcome;
use queue_tests::logs;

use crate::counting;
use crate::store::{LEASE, Place, Verbs, fail, job, jobs, number, renewals, run, worker};

const STEP: Duration = Duration::from_secs(5);

/// Time passes, and a handle maintains as a worker does; answers how many jobs were rescued.
async fn pass(place: &Place, driver: &Sqlite, time: Duration) -> usize {
    let mut rescued = 0;
    for _ in 0..time.as_secs() / STEP.as_secs() {
        place.clock.advance(STEP);
        rescued += driver.tend().await.rescued;
    }
    rescued
}

/// A user's transaction that holds the file for 60 s: whoever comes first afterwards takes nothing from those that live.
#[tokio::test]
async fn a_file_that_was_held_for_a_minute_costs_no_lease() {
    for maintains_first in [true, false] {
        let place = Place::new();
        let (live, other) = (place.open_impatient().await, place.open_impatient().await);
        live.store(jobs(2)).await;
        let taken = live.take(2).await;
        let transaction = place.pool().begin_with("BEGIN IMMEDIATE").await.unwrap();
        for _ in 0..6 {
            place.clock.advance(Duration::from_secs(10));
            live.renew(&worker(), &renewals(&taken)).await.unwrap_err();
            other.maintain(&MaintainLimits::default()).await.unwrap_err();
        }
        transaction.commit().await.unwrap();
        if maintains_first {
            assert_eq!(other.tend().await.rescued, 0, "nobody could renew");
        }
        // 14 s in which the live one renews, and the dead one does not.
        place.clock.advance(Duration::from_secs(7));
        assert!(live.keep(&taken[..1]).await.lost.is_empty());
        assert_eq!(other.tend().await.rescued, 0);
        place.clock.advance(Duration::from_secs(7));
        assert_eq!(other.tend().await.rescued, 0);
        assert!(live.keep(&taken[..1]).await.lost.is_empty());
        assert_eq!(pass(&place, &other, Duration::from_secs(10)).await, 1, "the other one's worker is dead");
        let again = other.take(9).await;
        assert_eq!((again.len(), again[0].lease.id), (1, taken[1].lease.id));
        assert_eq!(live.end(&taken, Outcome::Complete).await, [Settled::Stored, Settled::Lost]);
        assert_eq!(other.end(&again, Outcome::Complete).await, [Settled::Stored]);
        counting::check(&live, &mut place.stranger().await, "held").await;
    }
}

/// The same with a worker: the job that runs meanwhile runs once.
#[tokio::test(flavor = "multi_thread")]
async fn a_worker_keeps_its_job_while_a_user_holds_the_file() {
    use queue::prelude::*;
    use queue_tests::probe::{PATIENCE, Probe};
    use std::sync::Arc;

    #[derive(Queueable)]
    struct Long {
        #[inject]
        probe: Arc<Probe>,
    }

    impl Job for Long {
        async fn handle(&self) -> JobResult {
            self.probe.saw("run");
            self.probe.pass().await;
            Ok(())
        }
    }

    logs::keep();
    let place = Place::new();
    let queue = Queue::from_driver(Arc::new(place.open_impatient().await));
    let probe: Arc<Probe> = Arc::default();
    let container = Container::builder().instance(Arc::clone(&probe)).build();
    let worker = Worker::builder(&queue, container).jobs::<Long>().start().await.unwrap();
    let pushed = queue.dispatch(Long::with()).await.unwrap();
    probe.wait_for("run", 1).await;
    let other = place.open().await;
    let transaction = place.pool().begin_with("BEGIN IMMEDIATE").await.unwrap();
    for _ in 0..12 {
        place.clock.advance(STEP);
        tokio::task::yield_now().await;
    }
    transaction.commit().await.unwrap();
    assert_eq!(other.tend().await.rescued, 0);
    // The worker renews by itself; when it has, the lease ends 30 s from now.
    let now = place.now();
    let mut stranger = place.stranger().await;
    let renewed = async {
        while number(&mut stranger, "SELECT lease_expires_at FROM queue_jobs").await < now + 25_000_000 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, renewed).await.expect("it renews");
    place.clock.advance(Duration::from_secs(16));
    assert_eq!(other.tend().await.rescued, 0);
    assert!(other.take(9).await.is_empty());
    probe.open();
    let row = queue.wait(pushed.id, PATIENCE).await.unwrap();
    assert_eq!((row.state, row.attempt, row.rescues), (JobState::Completed, 1, 0));
    assert_eq!(probe.count("run"), 1);
    worker.shutdown(PATIENCE).await;
    queue.shutdown().await.unwrap();
}

/// What another handle's dead worker held runs again within 45 s, and the dead one's late word counts for nothing.
#[tokio::test]
async fn the_jobs_of_a_dead_worker_run_again_within_45_s() {
    let place = Place::new();
    let (dead, live) = (place.open().await, place.open().await);
    dead.store(jobs(3)).await;
    let taken = dead.take(3).await;
    dead.keep(&taken).await;
    assert_eq!(pass(&place, &live, Duration::from_secs(25)).await, 0);
    assert_eq!(pass(&place, &live, Duration::from_secs(10)).await, 3);
    let again = live.take(9).await;
    assert_eq!(again.len(), 3);
    assert!(again.iter().all(|one| one.rescues == 1 && one.attempt == 1));
    assert_eq!(dead.keep(&taken).await.lost.len(), 3);
    assert_eq!(dead.end(&taken, fail()).await, [Settled::Lost; 3]);
    assert_eq!(live.end(&again, Outcome::Complete).await, [Settled::Stored; 3]);

    // Where no worker lived, within 45 s of the start of the next one.
    live.store(jobs(1)).await;
    live.take(1).await;
    place.clock.advance(Duration::from_secs(3_600));
    assert_eq!(place.open().await.tend().await.rescued, 0, "it may have slept with the machine");
    assert_eq!(pass(&place, &live, Duration::from_secs(15)).await, 1);
}

/// The clock of the machine is set back by an hour: leases of the living and the dead end as before, and jobs keep their order.
#[tokio::test]
async fn a_clock_that_is_set_back_keeps_nobody_alive() {
    for back in [Duration::from_secs(20), Duration::from_secs(3_600)] {
        let place = Place::new();
        let mut stranger = place.stranger().await;
        // All that was written before the step has times ahead of those after it.
        place.clock.advance(back);
        let before = place.open().await;
        before.store(jobs(2)).await;
        let taken = before.take(2).await;
        before.keep(&taken).await;
        let clock = queue::Clock::manual();
        let after = Sqlite::open(place.file()).go_by(clock.clone()).await.unwrap();
        let keep = || async { after.renew(&worker(), &renewals(&taken[..1])).await.unwrap() };
        assert!(keep().await.lost.is_empty());
        let mut rescued = 0;
        for second in 1..=45 {
            clock.advance(Duration::from_secs(1));
            if second % 5 == 0 {
                rescued += after.tend().await.rescued;
                assert!(keep().await.lost.is_empty(), "after {second} s");
                assert!(second >= 15 || rescued == 0, "after {second} s");
            }
        }
        assert_eq!(rescued, 1, "set back by {back:?}");
        let row = after.look(taken[0].lease.id).await.unwrap();
        assert_eq!(row.state, JobState::Running);
        counting::check(&after, &mut stranger, "back").await;
    }
}

/// Right after a step back, whoever comes first takes nothing from those who have not renewed yet.
#[tokio::test]
async fn a_clock_that_is_set_back_gives_everybody_time_to_renew() {
    let back = Duration::from_secs(3_600);
    let place = Place::new();
    place.clock.advance(back);
    let before = place.open().await;
    // As if the clock had been there all the time: nothing has stepped yet.
    run(&mut place.stranger().await, &format!("UPDATE queue_store SET heard_at = {}", place.now())).await;
    before.store(jobs(1)).await;
    let taken = before.take(1).await;
    assert_eq!(pass(&place, &before, LEASE - STEP).await, 0);
    let clock = queue::Clock::manual();
    let after = Sqlite::open(place.file()).go_by(clock.clone()).await.unwrap();
    clock.advance(STEP + STEP);
    assert_eq!(after.tend().await.rescued, 0);
    clock.advance(STEP);
    assert_eq!(after.tend().await.rescued, 0);
    assert!(after.keep(&taken).await.lost.is_empty());
    clock.advance(LEASE - STEP);
    assert_eq!(after.tend().await.rescued, 0);
    assert_eq!(after.end(&taken, Outcome::Complete).await, [Settled::Stored]);
}

/// The clock is set ahead, or the machine slept: who lives renews first, and what was due meanwhile is promoted.
#[tokio::test]
async fn a_machine_that_slept_takes_nothing_from_the_living() {
    let place = Place::new();
    let (live, other) = (place.open().await, place.open().await);
    live.store(vec![job(), NewJob { due: queue::drivers::Due::In(Duration::from_secs(60)), ..job() }]).await;
    let taken = live.take(1).await;
    place.clock.advance(Duration::from_secs(9 * 3_600));
    let done = other.tend().await;
    assert_eq!((done.rescued, done.promoted), (0, 1));
    assert!(live.keep(&taken).await.lost.is_empty());
    assert_eq!(pass(&place, &other, LEASE - STEP).await, 0);
    assert_eq!(live.end(&taken, Outcome::Complete).await, [Settled::Stored]);
}

/// A step of less than a second is no step: several processes read the clock and write in another order.
#[tokio::test]
async fn times_that_cross_by_less_than_a_second_are_no_step() {
    let place = Place::new();
    let (driver, mut stranger) = (place.open().await, place.stranger().await);
    driver.store(jobs(1)).await;
    let taken = driver.take(1).await;
    driver.keep(&taken).await;
    let lease = number(&mut stranger, "SELECT lease_expires_at FROM queue_jobs").await;
    run(&mut stranger, "UPDATE queue_store SET heard_at = heard_at + 900000").await;
    driver.keep(&[]).await;
    assert_eq!(number(&mut stranger, "SELECT lease_expires_at FROM queue_jobs").await, lease);
    assert_eq!(number(&mut stranger, "SELECT rescue_from FROM queue_store").await, 0);
}

/// What ended is removed in bounded batches, each kind of end after its time, and the rest is left.
#[tokio::test]
async fn what_is_old_is_removed_in_bounded_batches() {
    let place = Place::new();
    let (driver, mut stranger) = (place.open().await, place.stranger().await);
    driver.store(jobs(2_500)).await;
    let taken = driver.take(2_400).await;
    driver.end(&taken[..1_800], Outcome::Complete).await;
    driver.end(&taken[1_800..2_000], Outcome::Cancel { reason: None }).await;
    driver.end(&taken[2_000..2_300], fail()).await;
    let left = "SELECT count(*) FROM queue_jobs";
    let mut limits = MaintainLimits::default();
    limits.batch = 700;
    assert_eq!(driver.maintain(&limits).await.unwrap().pruned, 0, "nothing is old");
    place.clock.advance(Duration::from_secs(24 * 3_600 + 1));
    let mut pruned = Vec::new();
    loop {
        let done = driver.maintain(&limits).await.unwrap();
        pruned.push(done.pruned);
        counting::check(&driver, &mut stranger, "pruned").await;
        if done.next_due != Some(Duration::ZERO) {
            break;
        }
    }
    assert_eq!(pruned, [700, 700, 600]);
    assert_eq!(number(&mut stranger, left).await, 500, "failed, running and waiting ones");
    place.clock.advance(Duration::from_secs(6 * 24 * 3_600));
    driver.tend().await;
    assert_eq!(number(&mut stranger, "SELECT count(*) FROM queue_jobs WHERE state = 'failed'").await, 0);
}
