//! A long walk through all verbs, in an order that a number decides, that keeps a ledger of what must be there.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime};

use queue::drivers::{
    Delivery, Driver, Due, Except, Extra, FetchRequest, Memory, NewJob, QueueRequest, Renewal, Settled, Settlement, WorkerState,
};
use queue::job::{Filter, Outcome};
use queue::{Clock, JobId, JobRow, JobState};

use crate::{Verbs, fail, job, request, worker};

/// Whatever happens, each job is in one place, the counts are what the list shows, deliveries are in order, and in the end all is
/// drained and given back.
#[tokio::test]
async fn a_ledger_of_everything_adds_up() {
    for seed in 1..=4 {
        Walk::new(seed).go(600).await;
    }
}

struct Walk {
    clock: Clock,
    driver: Memory,
    random: u64,
    /// Every job that was stored and not forgotten.
    stored: BTreeSet<JobId>,
    held: Vec<Delivery>,
}

impl Walk {
    fn new(seed: u64) -> Self {
        let clock = Clock::manual();
        let driver = Memory::with_clock(clock.clone()).keep_completed_rows(100_000).keep_failed_rows(100_000);
        Self { clock, driver, random: seed, stored: BTreeSet::new(), held: Vec::new() }
    }

    /// A number below `bound`, from a generator of linear congruences.
    fn below(&mut self, bound: u64) -> u64 {
        self.random = self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.random >> 33) % bound
    }

    fn seconds(&mut self) -> Duration {
        Duration::from_secs(self.below(3) * 10)
    }

    fn job(&mut self) -> NewJob {
        let due = match self.below(4) {
            0 => Due::In(self.seconds()),
            1 => Due::At(SystemTime::now() + self.seconds()),
            _ => Due::Now,
        };
        let key = (self.below(10) == 0).then(|| format!("Known:{}", self.below(20)));
        let extra = Extra { unique_key: key, tags: vec!["tag".to_owned()], ..Extra::default() };
        NewJob {
            kind: ["Known", "New"][self.below(2) as usize].into(),
            queue: ["mail", "reports"][self.below(2) as usize].into(),
            version: self.below(4) as u16,
            priority: [0, 100, 255][self.below(3) as usize],
            due,
            extra: (self.below(2) == 0).then(|| Box::new(extra)),
            ..job()
        }
    }

    async fn go(&mut self, steps: usize) {
        for step in 0..steps {
            match self.below(10) {
                0..=2 => self.push(),
                3 | 4 => self.fetch().await,
                5 | 6 => self.settle().await,
                7 => self.act().await,
                8 => self.renew().await,
                _ => {
                    let time = self.seconds();
                    self.clock.advance(time);
                    self.driver.tend().await;
                }
            }
            if step % 20 == 0 {
                self.check().await;
            }
        }
        self.drain().await;
    }

    fn push(&mut self) {
        let mut batch: Vec<_> = (0..self.below(12)).map(|_| self.job()).collect();
        if self.below(2) == 0 {
            batch.reverse();
        }
        // A repetition stores only what was a duplicate and finds its key free by then.
        for _ in 0..=self.below(2) {
            let results = self.driver.store(batch.clone());
            self.stored.extend(results.iter().filter(|pushed| !pushed.is_duplicate).map(|pushed| pushed.id));
        }
    }

    async fn fetch(&mut self) {
        let mut queue =
            |name: &str| QueueRequest { queue: name.into(), free: self.below(8) as usize, ahead: self.below(8) as usize };
        let queues = vec![queue("mail"), queue("reports")];
        let from_version = [None, Some(2)][self.below(2) as usize];
        let except = if self.below(2) == 0 { vec![Except { kind: "New".into(), from_version }] } else { Vec::new() };
        let request = FetchRequest { queues, except, ..request(0) };
        let deliveries = self.driver.fetch(&request).await.expect("the memory driver answers");
        for wanted in &request.queues {
            let of_queue: Vec<_> = deliveries.iter().filter(|one| one.queue == wanted.queue).collect();
            assert!(of_queue.is_sorted_by_key(|one| one.order()));
            assert!(of_queue.len() <= wanted.free + wanted.ahead);
            assert!(of_queue.iter().skip(wanted.free).all(|one| one.rescues == 0), "no rescued job is prefetched");
        }
        assert!(deliveries.iter().all(|one| !request.except.iter().any(|except| except.covers(&one.kind, one.version))));
        self.held.extend(deliveries);
    }

    async fn settle(&mut self) {
        for _ in 0..self.below(8) {
            if self.held.is_empty() {
                return;
            }
            let index = self.below(self.held.len() as u64) as usize;
            let delivery = self.held.swap_remove(index);
            let outcome = match self.below(7) {
                0 => Outcome::Retry { delay: self.seconds(), error: "no luck".to_owned() },
                1 => fail(),
                2 => Outcome::Snooze { delay: self.seconds() },
                3 => Outcome::Release { delay: self.seconds() },
                4 => Outcome::Cancel { reason: None },
                _ => Outcome::Complete,
            };
            let mut settlement = Settlement::new(delivery.lease, outcome);
            if self.below(4) == 0 {
                settlement.follow_ups.push(job());
            }
            let settlements = [settlement.clone(), settlement];
            let settled = self.driver.settle(&settlements).await.expect("the memory driver answers");
            assert_eq!(settled[1], Settled::Lost, "nobody ends a run twice");
            if settled[0] == Settled::Stored {
                self.stored.extend(settlements[0].follow_ups.iter().map(|job| job.id));
            }
        }
    }

    async fn act(&mut self) {
        let rows = self.rows().await;
        if rows.is_empty() {
            return;
        }
        let row = rows[self.below(rows.len() as u64) as usize].clone();
        let inside = self.driver.inside();
        match self.random % 3 {
            0 => assert_eq!(inside.cancel(row.id).await.is_ok(), !row.state.is_terminal()),
            1 => drop(inside.retry(row.id).await),
            _ => {
                let is_forgotten = inside.forget(row.id).await.is_ok();
                assert_eq!(is_forgotten, row.state.is_terminal());
                if is_forgotten {
                    self.stored.remove(&row.id);
                }
            }
        }
    }

    async fn renew(&mut self) {
        let kept: Vec<_> = self.held.iter().filter(|one| one.version > 0).collect();
        let renewals: Vec<_> = kept.iter().map(|one| Renewal { lease: one.lease, progress: None }).collect();
        let renewed = self.driver.renew(&worker(WorkerState::Running), &renewals).await.expect("the memory driver answers");
        self.held.retain(|one| !renewed.lost.contains(&one.lease.id));
    }

    async fn rows(&self) -> Vec<JobRow> {
        let mut rows: Vec<JobRow> = Vec::new();
        loop {
            let mut filter = Filter::new().limit(37);
            filter.after = rows.last().map(|row| row.id);
            let page = self.driver.inside().jobs(&filter).await.expect("the memory driver answers");
            if page.jobs.is_empty() {
                return rows;
            }
            rows.extend(page.jobs);
        }
    }

    /// The list against the counts, and each job by its id.
    async fn check(&self) {
        let rows = self.rows().await;
        assert!(rows.iter().map(|row| row.id).eq(self.stored.iter().copied()), "the list is the ledger, by id");
        let mut states: BTreeMap<(String, JobState), u64> = BTreeMap::new();
        for row in &rows {
            *states.entry((row.queue.clone(), row.state)).or_default() += 1;
            let alone = self.driver.look(row.id).await.expect("it is listed");
            assert_eq!((alone.state, alone.attempt, alone.due_at), (row.state, row.attempt, row.due_at));
        }
        let counts = self.driver.inside().counts().await.expect("the memory driver answers");
        let counted = counts.queues.iter().flat_map(|(name, queue)| {
            let states = queue.states.iter().filter(|(_, count)| **count > 0);
            states.map(move |(state, count)| ((name.clone(), *state), *count))
        });
        assert_eq!(counted.collect::<BTreeMap<_, _>>(), states);
        for state in JobState::ALL {
            let filter = Filter::new().state(state).queue("mail").tag("tag").kind("New").limit(1_000);
            let listed = self.driver.inside().jobs(&filter).await.expect("the memory driver answers");
            let expected = rows.iter().filter(|row| filter.fits(row)).map(|row| row.id);
            assert!(listed.jobs.iter().map(|row| row.id).eq(expected.take(1_000)));
        }
    }

    async fn drain(&mut self) {
        let mut is_drained = false;
        for _ in 0..100 {
            self.clock.advance(Duration::from_secs(14));
            let done = self.driver.tend().await;
            let mut request = request(1_000);
            request.queues.push(QueueRequest { queue: "reports".into(), free: 1_000, ahead: 0 });
            let deliveries = self.driver.fetch(&request).await.expect("the memory driver answers");
            self.driver.end(&deliveries, Outcome::Complete).await;
            is_drained = deliveries.is_empty() && done.next_due.is_none() && self.driver.footprint().running == 0;
            if is_drained {
                break;
            }
        }
        assert!(is_drained, "what is due in a minute ends within 1,400 seconds");
        self.check().await;
        let rows = self.rows().await;
        assert!(rows.iter().all(|row| row.state.is_terminal()));
        let footprint = self.driver.footprint();
        assert_eq!((footprint.aside, footprint.keys, footprint.ended), (0, 0, rows.len()));
    }
}
