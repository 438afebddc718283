//! A driver beside the model: each verb is done to it too, its answer compared, and the whole store looked at.

use std::collections::{BTreeMap, HashMap};
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use proptest_state_machine::StateMachineTest;
use queue::drivers::{
    Action, Count, Delivery, Driver, Due, Except, Extra, FetchRequest, Group, Lease, MaintainLimits, NewJob, Pushed,
    QueueRequest, Renewal, Settled, Settlement, Tick, Told, WorkerId, WorkerRow, WorkerState,
};
use queue::job::{Filter, JobRow, Outcome, Progress};
use queue::testing::conformance::Store;
use queue::{Clock, Error, ErrorKind, JobId, JobState};
use tokio::runtime::Runtime;

use crate::answer::{Answer, Ending, Maintained, Refusal, Word};
use crate::model::{Job, LEASE, MOST_RESCUES, Model, Number, Run};
use crate::verbs::{self, Fetch, QUEUES, Verb, WORKERS};
use crate::{answer, coverage};

/// By how much a time may be later than the model says: the model's time stands still while a verb runs.
const LATE: Duration = Duration::from_secs(120);

/// How a driver is opened, as a type.
pub(crate) trait Subject: 'static {
    type Store: Store;

    fn store() -> Self::Store;
}

/// A driver and what must be remembered of it.
pub(crate) struct Against<S: Subject> {
    runtime: Runtime,
    _store: S::Store,
    driver: Arc<dyn Driver>,
    clock: Clock,
    opened: SystemTime,
    leases: HashMap<Run, Lease>,
    subject: PhantomData<S>,
}

fn id(number: Number) -> JobId {
    // A version 7 UUID, as all ids are.
    JobId::from_u128(0x0193_6f2e_6b5a_7000_8000_0000_0000_0000 | u128::from(number))
}

fn queue(index: usize) -> Arc<str> {
    ["default", "mail", " a \"queue\" "][index].into()
}

fn kind(index: usize) -> Arc<str> {
    ["Plain", "Other", "Kind'3"][index].into()
}

fn worker(index: usize) -> WorkerId {
    WorkerId::from_u128(index as u128 + 1)
}

fn payload(number: Number) -> Arc<[u8]> {
    Arc::from(format!("{{\"n\": {number}}}").into_bytes())
}

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn limits() -> MaintainLimits {
    let mut limits = MaintainLimits::default();
    limits.max_rescues = MOST_RESCUES;
    limits
}

impl<S: Subject> StateMachineTest for Against<S> {
    type SystemUnderTest = Self;
    type Reference = Model;

    fn init_test(_: &Model) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (store, clock) = (S::store(), Clock::manual());
        let driver = runtime.block_on(store.open(clock.clone()));
        Self { runtime, _store: store, driver, opened: SystemTime::now(), clock, leases: HashMap::new(), subject: PhantomData }
    }

    fn apply(mut this: Self, model: &Model, verb: Verb) -> Self {
        coverage::note(&verb, &model.answer);
        match (&verb, &model.answer) {
            (Verb::Push(groups), Answer::Pushed(expected)) => this.push(groups, expected),
            (Verb::Fetch(fetch), Answer::Fetched(runs)) => {
                let request = request(fetch);
                let fetched = this.runtime.block_on(this.driver.fetch(&request)).expect("`fetch` works");
                this.fetched(model, fetched, runs);
            }
            (Verb::Settle(_), Answer::Settled(endings)) => {
                let settlements = this.settlements(model, endings);
                let settled = this.runtime.block_on(this.driver.settle(&settlements)).expect("`settle` works");
                assert_settled(&settled, endings);
            }
            (Verb::Exchange(_, fetch), Answer::Exchanged(endings, runs)) => {
                let settlements = this.settlements(model, endings);
                let request = request(fetch);
                // Of a driver that never makes one wait, on the caller's thread where the settlements are odd in number.
                let now = if settlements.len() % 2 == 1 { this.driver.exchange_now(&settlements, &request) } else { None };
                let exchanged = now.unwrap_or_else(|| this.runtime.block_on(this.driver.exchange(&settlements, &request)));
                assert_settled(&exchanged.settled.expect("the first half works"), endings);
                this.fetched(model, exchanged.deliveries.expect("the second half works"), runs);
            }
            (Verb::Renew { worker, stops, .. }, Answer::Renewed { runs, lost, cancelled, told }) => {
                let renewed = this.renew(*worker, *stops, runs, lost, cancelled);
                let renewed = renewed.map_or(Word::Nothing, Word::Is);
                assert!(*told == Word::Unknown || *told == renewed, "worker {worker} is told {renewed:?} in place of {told:?}");
            }
            (Verb::Tell(told, named), Answer::Told(alive, count)) => this.tell(*told, named, alive, *count),
            (Verb::Pause(index) | Verb::Resume(index), _) => {
                let inspect = this.driver.inspect().expect("it can be looked into");
                let name = queue(*index);
                let is_pause = matches!(verb, Verb::Pause(_));
                let acted = if is_pause { inspect.pause(&name) } else { inspect.resume(&name) };
                this.runtime.block_on(acted).expect("`pause` and `resume` work");
            }
            (Verb::List(list), Answer::Listed(after, numbers, count)) => this.list(list, *after, numbers, *count),
            (Verb::Act(action, _), Answer::ActedOnMany(expected)) => this.act_on_many(*action, expected),
            (Verb::Claim { worker, .. }, Answer::Claimed { number, claimed, .. }) => {
                this.claim(model, *worker, *number, *claimed);
            }
            (_, Answer::Maintained(expected)) => this.maintain(&verb, expected),
            (_, Answer::Acted(number, expected)) => this.act(&verb, *number, *expected),
            (verb, answer) => panic!("the model answers {answer:?} to {verb:?}"),
        }
        this
    }

    fn check_invariants(this: &Self, model: &Model) {
        this.compare(model);
    }

    fn teardown(this: Self, _: Model) {
        this.runtime.block_on(this.driver.close()).expect("`close` works");
    }
}

impl<S: Subject> Against<S> {
    fn push(&self, groups: &[verbs::NewGroup], expected: &[answer::Pushed]) {
        let groups: Vec<_> = groups
            .iter()
            .zip(expected)
            .map(|(group, expected)| Group {
                jobs: expected.jobs.iter().map(|(number, new)| new_job(*number, new)).collect(),
                tick: group.tick.map(|(entry, at)| Tick {
                    entry: format!("entry {entry}").into(),
                    at: SystemTime::UNIX_EPOCH + secs(u64::from(at)),
                }),
            })
            .collect();
        // Of a driver that never makes one wait, on the caller's thread where the jobs are even in number.
        let is_even = groups.iter().map(|group| group.jobs.len()).sum::<usize>() % 2 == 0;
        let now = if is_even { self.driver.push_now(&mut groups.clone()) } else { None };
        let pushed = now.unwrap_or_else(|| self.runtime.block_on(self.driver.push(&groups)));
        let answered: Vec<_> = pushed.into_iter().map(|group| group.expect("`push` works")).collect();
        let of = |&(number, is_duplicate): &(Number, bool)| {
            if is_duplicate { Pushed::duplicate_of(id(number)) } else { Pushed::stored(id(number)) }
        };
        let expected: Vec<Vec<_>> = expected.iter().map(|group| group.answers.iter().map(of).collect()).collect();
        assert_eq!(answered, expected, "what became of the pushes");
    }

    fn fetched(&mut self, model: &Model, mut deliveries: Vec<Delivery>, runs: &[Run]) {
        // Which queue comes first is up to the driver.
        deliveries.sort_by_key(|delivery| (0..QUEUES).find(|index| queue(*index) == delivery.queue));
        let order: Vec<_> = deliveries.iter().map(|delivery| delivery.lease.id).collect();
        assert_eq!(order, runs.iter().map(|(number, _)| id(*number)).collect::<Vec<_>>(), "what was fetched, in order");
        for (delivery, run) in deliveries.into_iter().zip(runs) {
            let job = &model.jobs[&run.0];
            let new = &job.new;
            let seen = (&delivery.kind, &delivery.queue, delivery.version, delivery.priority, delivery.attempt);
            assert_eq!(seen, (&kind(new.kind), &queue(new.queue), new.version, new.priority, job.attempt), "{delivery:?}");
            assert_eq!((delivery.max_attempts, delivery.rescues), (job.max_attempts, job.rescues), "{delivery:?}");
            assert_eq!(delivery.payload, payload(run.0));
            self.assert_time(delivery.due_at, job.due.0);
            let before = self.leases.get(&(run.0, run.1 - 1)).map(|lease| lease.token);
            assert!(
                before.is_none_or(|before| delivery.lease.token == before + 1),
                "the token is one more: {before:?}, {delivery:?}"
            );
            self.leases.insert(*run, delivery.lease);
        }
    }

    /// Stored times are those of the model, and a little later.
    fn assert_time(&self, time: SystemTime, expected: u64) {
        let late = time.duration_since(self.opened + secs(expected) - Duration::from_millis(1)).unwrap_or(Duration::MAX);
        assert!(late < LATE, "{time:?} is not {expected} s after {:?}", self.opened);
    }

    fn assert_time_of(&self, what: &str, row: &JobRow, time: Option<SystemTime>, expected: Option<u64>) {
        assert_eq!(time.is_some(), expected.is_some(), "{what} of {row:?}");
        time.into_iter().zip(expected).for_each(|(time, expected)| self.assert_time(time, expected));
    }

    fn lease(&self, run: Run) -> Lease {
        self.leases[&run]
    }

    fn settlements(&self, _: &Model, endings: &[Ending]) -> Vec<Settlement> {
        let settlement = |ending: &Ending| {
            let mut settlement = Settlement::new(self.lease(ending.run), outcome(ending.outcome));
            settlement.follow_ups = ending.follow_ups.iter().map(|(number, new)| new_job(*number, new)).collect();
            settlement
        };
        endings.iter().map(settlement).collect()
    }

    fn tell(&self, told: Told, named: &[usize], alive: &[usize], count: usize) {
        let inspect = self.driver.inspect().expect("it can be looked into");
        // One that nobody knows makes a list of those that are named, where none of them lives.
        let stranger = if named.is_empty() { None } else { Some(worker(WORKERS)) };
        let ids: Vec<_> = alive.iter().map(|index| worker(*index)).chain(stranger).collect();
        let heard = self.runtime.block_on(inspect.tell(told, &ids)).expect("`tell` works");
        assert_eq!(heard, count, "how many of {ids:?} are told");
    }

    /// Answers what the worker is told.
    fn renew(
        &self,
        index: usize,
        stops: bool,
        runs: &[(Run, Option<u8>)],
        lost: &[Number],
        cancelled: &[Number],
    ) -> Option<Told> {
        let row = WorkerRow {
            id: worker(index),
            name: format!("worker {index}"),
            host: "host".to_owned(),
            pid: 1,
            started_at: self.clock.now(),
            seen_at: self.clock.now(),
            queues: served(index),
            kinds: Vec::new(),
            running: runs.len(),
            lease: secs(LEASE),
            state: if stops { WorkerState::Stopped } else { WorkerState::Running },
        };
        let renewals: Vec<_> = runs
            .iter()
            .map(|(run, percent)| Renewal {
                lease: self.lease(*run),
                progress: percent.map(|percent| Progress::new(percent, "so far")),
            })
            .collect();
        let mut renewed = self.runtime.block_on(self.driver.renew(&row, &renewals)).expect("`renew` works");
        let ids = |numbers: &[Number]| {
            let mut ids: Vec<_> = numbers.iter().map(|number| id(*number)).collect();
            ids.sort();
            ids
        };
        renewed.lost.sort();
        renewed.cancelled.sort();
        assert_eq!((renewed.lost, renewed.cancelled), (ids(lost), ids(cancelled)), "lost, and to be cancelled");
        renewed.told
    }

    fn maintain(&self, verb: &Verb, expected: &[Maintained]) {
        match verb {
            Verb::Advance(seconds) => self.clock.advance(secs(*seconds)),
            Verb::Maintain | Verb::Live(_) => {}
            verb => panic!("{verb:?} maintains nothing"),
        }
        for expected in expected {
            if matches!(verb, Verb::Live(_)) {
                self.clock.advance(secs(5));
            }
            let done = self.runtime.block_on(self.driver.maintain(&limits())).expect("`maintain` works");
            let mut failed: Vec<_> = done.failed.iter().map(|row| row.id).collect();
            failed.sort();
            let expected_failed: Vec<_> = expected.failed.iter().map(|number| id(*number)).collect();
            assert_eq!(
                (done.promoted, done.rescued, failed, done.pruned),
                (expected.promoted, expected.rescued, expected_failed, expected.pruned),
                "promoted, rescued, failed, pruned"
            );
            let is_right = match (done.next_due, expected.next_due) {
                (None, None) => true,
                // Time that passes meanwhile makes it less, and a store may round it up to its smallest unit.
                (Some(due), Some(expected)) => due <= secs(expected) + Duration::from_millis(1) && due + LATE > secs(expected),
                _ => false,
            };
            assert!(is_right, "the next is due in {:?}, and the model says {:?} s", done.next_due, expected.next_due);
        }
    }

    fn act(&self, verb: &Verb, number: Number, expected: Result<JobState, Refusal>) {
        let inspect = self.driver.inspect().expect("it can be looked into");
        let acted: Result<Option<JobState>, Error> = self.runtime.block_on(async {
            match verb {
                Verb::Cancel(_) => inspect.cancel(id(number)).await.map(Some),
                Verb::Retry(_) => inspect.retry(id(number)).await.map(|()| None),
                Verb::Forget(_) => inspect.forget(id(number)).await.map(|()| None),
                verb => panic!("{verb:?} is no action on a job"),
            }
        });
        match (acted, expected) {
            (Ok(None), Ok(_)) => {}
            (Ok(Some(state)), Ok(expected)) => assert_eq!(state, expected, "the state after {verb:?}"),
            (Err(error), Err(refusal)) => {
                assert_eq!(error.kind(), kind_of(refusal), "{verb:?}: {error}");
            }
            (acted, expected) => panic!("{verb:?} of {number} answered {acted:?}, and the model says {expected:?}"),
        }
    }

    fn act_on_many(&self, action: Action, expected: &[(Number, Result<JobState, Refusal>)]) {
        let inspect = self.driver.inspect().expect("it can be looked into");
        let ids: Vec<_> = expected.iter().map(|(number, _)| id(*number)).collect();
        let answers = self.runtime.block_on(inspect.act(action, &ids)).expect("`act` works");
        let answers: Vec<_> = answers.into_iter().map(|answer| answer.map_err(|error| error.kind())).collect();
        let expected: Vec<_> = expected.iter().map(|(_, answer)| answer.map_err(kind_of)).collect();
        assert_eq!(answers, expected, "{action:?} of {ids:?}");
    }

    fn claim(&mut self, model: &Model, by: usize, number: Number, expected: Result<Run, Refusal>) {
        let inspect = self.driver.inspect().expect("it can be looked into");
        let claimed = self.runtime.block_on(inspect.claim(id(number), worker(by), secs(LEASE)));
        match (claimed, expected) {
            (Ok(delivery), Ok(run)) => self.fetched(model, vec![delivery], &[run]),
            (Err(error), Err(refusal)) => assert_eq!(error.kind(), kind_of(refusal), "a claim of {number}: {error}"),
            (claimed, expected) => panic!("a claim of {number} answered {claimed:?}, and the model says {expected:?}"),
        }
    }

    fn list(&self, list: &verbs::List, after: Option<Number>, numbers: &[Number], count: u64) {
        let inspect = self.driver.inspect().expect("it can be looked into");
        let mut filter = Filter::new().limit(list.limit);
        filter.states = list.states.iter().map(|&state| JobState::ALL[state]).collect();
        filter.kinds = list.kinds.iter().map(|&index| kind(index).to_string()).collect();
        filter.queues = list.queues.iter().map(|&index| queue(index).to_string()).collect();
        filter.tags = if list.is_tagged { vec!["a tag".to_owned()] } else { Vec::new() };
        filter.not_kinds = list.not_kinds.iter().map(|&index| kind(index).to_string()).collect();
        filter.not_queues = list.not_queues.iter().map(|&index| queue(index).to_string()).collect();
        filter.not_tags = if list.is_untagged { vec!["a tag".to_owned()] } else { Vec::new() };
        filter.newest_first = list.newest_first;
        filter.after = after.map(id);
        let page = self.runtime.block_on(inspect.jobs(&filter)).expect("`jobs` works");
        let seen: Vec<_> = page.jobs.iter().map(|row| row.id).collect();
        assert_eq!(seen, numbers.iter().map(|number| id(*number)).collect::<Vec<_>>(), "{filter:?}");
        // A page that is not full ends the list, and the next one begins behind what this one has.
        assert!(
            page.next.is_none() || (seen.len() == list.limit && page.next == seen.last().copied()),
            "{filter:?}: {:?}",
            page.next
        );
        let counted = self.runtime.block_on(inspect.count(&filter, 1_000)).expect("`count` works");
        assert_eq!(counted, Count::new(count, true), "{filter:?}");
    }

    /// The whole store.
    fn compare(&self, model: &Model) {
        let inspect = self.driver.inspect().expect("it can be looked into");
        let rows = self.runtime.block_on(inspect.jobs(&Filter::new().limit(1_000))).expect("`jobs` works").jobs;
        let seen: Vec<_> = rows.iter().map(|row| (row.id, row.state)).collect();
        let expected: Vec<_> = model.jobs.iter().map(|(number, job)| (id(*number), job.state)).collect();
        assert_eq!(seen, expected, "the jobs and their states");
        rows.iter().zip(&model.jobs).for_each(|(row, (number, job))| self.compare_row(row, *number, job));
        // By its id the job with the longest history, and the last one that is gone.
        let by_id = |number: Number| self.runtime.block_on(inspect.job(id(number))).expect("`job` works");
        if let Some((number, job)) = model.jobs.iter().max_by_key(|(_, job)| job.errors.len()) {
            self.compare_row(&by_id(*number).expect("it is there"), *number, job);
        }
        if let Some(gone) = model.known.iter().rfind(|number| !model.jobs.contains_key(number)) {
            assert!(by_id(*gone).is_none(), "{gone} is gone");
        }
        self.compare_queues(model);
        self.compare_workers(model);
    }

    fn compare_row(&self, row: &JobRow, number: Number, job: &Job) {
        let new = &job.new;
        assert_eq!((row.id, row.state), (id(number), job.state), "the state of {row:?}");
        assert_eq!(
            (&*row.kind, &*row.queue, row.version, row.priority),
            (&*kind(new.kind), &*queue(new.queue), new.version, new.priority)
        );
        assert_eq!(
            (row.attempt, row.max_attempts, row.rescues),
            (job.attempt, job.max_attempts, job.rescues),
            "attempt, max_attempts, rescues of {row:?}"
        );
        let errors: Vec<_> = row.errors.iter().map(|error| (error.attempt, &*error.message)).collect();
        let expected: Vec<_> = job.errors.iter().map(|(attempt, _, message)| (*attempt, &**message)).collect();
        assert_eq!(errors, expected, "the errors of {row:?}");
        row.errors.iter().zip(&job.errors).for_each(|(error, (_, at, _))| self.assert_time(error.at, *at));
        let key = new.key.filter(|_| !job.state.is_terminal()).map(|key| format!("key {key}"));
        assert_eq!(row.unique_key, key, "the key of {row:?}");
        assert_eq!(row.tags, if new.is_tagged { vec!["a tag"] } else { Vec::new() });
        assert_eq!(row.progress.as_ref().map(|progress| progress.percent), job.progress, "the progress of {row:?}");
        let holder = (job.state == JobState::Running).then(|| worker(job.worker).to_string());
        assert_eq!(row.worker, holder, "the worker of {row:?}");
        self.assert_time_of("the end", row, row.finished_at, job.state.is_terminal().then_some(job.finished));
        self.assert_time_of("the last fetch", row, row.started_at, job.started);
        assert_eq!(row.meta, meta(number, new), "the notes of {row:?}");
        if job.state != JobState::Completed {
            assert_eq!(row.payload.as_ref().map(|text| text.get().as_bytes()), Some(&*payload(number)));
        }
        self.assert_time(row.created_at, job.created);
        if !job.state.is_terminal() {
            self.assert_time(row.due_at, job.due.0);
        }
    }

    fn compare_workers(&self, model: &Model) {
        let inspect = self.driver.inspect().expect("it can be looked into");
        let rows = self.runtime.block_on(inspect.workers()).expect("`workers` works");
        assert!(rows.iter().all(|row| (0..WORKERS).any(|index| row.id == worker(index))), "{rows:?}");
        for (index, seen) in model.workers.iter().enumerate() {
            let row = rows.iter().find(|row| row.id == worker(index));
            match (seen, row) {
                (None, row) => assert!(row.is_none(), "a worker that stopped, or never was: {row:?}"),
                // For how long a dead one is shown is up to the driver.
                (Some(seen), None) => assert!(model.now >= seen + LEASE, "worker {index} is alive: {rows:?}"),
                (Some(seen), Some(row)) => {
                    self.assert_time(row.seen_at, *seen);
                    assert_eq!((&row.name, &row.queues), (&format!("worker {index}"), &served(index)), "{row:?}");
                    assert_eq!((&*row.host, row.pid, row.lease), ("host", 1, secs(LEASE)), "{row:?}");
                }
            }
        }
    }

    fn compare_queues(&self, model: &Model) {
        let inspect = self.driver.inspect().expect("it can be looked into");
        let counts = self.runtime.block_on(inspect.counts()).expect("`counts` works");
        let queues = self.runtime.block_on(self.driver.queues()).expect("`queues` works");
        let paused: BTreeMap<_, _> = queues.iter().map(|row| (row.name.to_string(), row.is_paused)).collect();
        for index in 0..QUEUES {
            let name = queue(index).to_string();
            let counted = counts.queues.get(&name).cloned().unwrap_or_default();
            let mut waiting = 0;
            let mut jobs = 0;
            for state in JobState::ALL {
                let expected = model.count(index, state);
                assert_eq!(counted.state(state), expected, "how many jobs of `{name}` are {state}");
                waiting += if state.is_waiting() { expected } else { 0 };
                jobs += expected;
            }
            assert_eq!(counted.unserved, if model.is_served(index) { 0 } else { waiting }, "the unserved of `{name}`");
            assert_eq!(counted.oldest_available.is_some(), counted.state(JobState::Available) > 0, "{counted:?}");
            let is_paused = model.paused.contains(&index);
            if jobs > 0 || is_paused {
                assert_eq!(paused.get(&name), Some(&is_paused), "`{name}` among {queues:?}");
            }
            if jobs > 0 {
                assert_eq!(counted.is_paused, is_paused, "whether `{name}` is counted as paused");
            }
        }
    }
}

fn kind_of(refusal: Refusal) -> ErrorKind {
    if refusal == Refusal::Unknown { ErrorKind::NotFound } else { ErrorKind::Conflict }
}

/// What a worker serves.
fn served(index: usize) -> Vec<(Arc<str>, usize)> {
    let served = if index == 0 { 0..QUEUES - 1 } else { QUEUES - 1..QUEUES };
    served.map(|index| (queue(index), 10)).collect()
}

/// What is noted with a job: those with a tag have something.
fn meta(number: Number, new: &verbs::NewJob) -> serde_json::Map<String, serde_json::Value> {
    let note = ("a 'note'".to_owned(), serde_json::json!({ "of": number }));
    new.is_tagged.then_some(note).into_iter().collect()
}

fn new_job(number: Number, new: &verbs::NewJob) -> NewJob {
    let extra = Extra {
        unique_key: new.key.map(|key| format!("key {key}")),
        tags: if new.is_tagged { vec!["a tag".to_owned()] } else { Vec::new() },
        meta: meta(number, new),
        held: new.is_held,
    };
    NewJob {
        id: id(number),
        kind: kind(new.kind),
        queue: queue(new.queue),
        payload: payload(number),
        version: new.version,
        priority: new.priority,
        max_attempts: new.max_attempts,
        due: if new.delay == 0 { Due::Now } else { Due::In(secs(new.delay)) },
        extra: (extra != Extra::default()).then(|| Box::new(extra)),
    }
}

fn request(fetch: &Fetch) -> FetchRequest {
    let asked = fetch.queues.iter().enumerate().filter(|(_, (is_asked, ..))| *is_asked);
    FetchRequest {
        worker: worker(fetch.worker),
        lease: secs(LEASE),
        queues: asked.map(|(index, &(_, free, ahead))| QueueRequest { queue: queue(index), free, ahead }).collect(),
        except: fetch.except.iter().map(|&(index, from_version)| Except { kind: kind(index), from_version }).collect(),
    }
}

fn outcome(outcome: verbs::Outcome) -> Outcome {
    match outcome {
        verbs::Outcome::Complete => Outcome::Complete,
        verbs::Outcome::Retry(delay) => Outcome::Retry { delay: secs(delay), error: "retried".to_owned() },
        verbs::Outcome::Fail => Outcome::Fail { error: "failed".to_owned() },
        verbs::Outcome::Snooze(delay) => Outcome::Snooze { delay: secs(delay) },
        verbs::Outcome::Release(delay) => Outcome::Release { delay: secs(delay) },
        verbs::Outcome::Cancel(has_reason) => Outcome::Cancel { reason: has_reason.then(|| "reason".to_owned()) },
    }
}

fn assert_settled(settled: &[Settled], endings: &[Ending]) {
    let expected: Vec<_> = endings.iter().map(|ending| if ending.is_stored { Settled::Stored } else { Settled::Lost }).collect();
    assert_eq!(settled, expected, "what became of {endings:?}");
}
