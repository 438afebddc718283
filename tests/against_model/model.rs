//! The plain model: what the contract says, over one map of jobs, for the eye and not for speed. It shares no code with any driver.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use proptest::sample::Index;
use proptest_state_machine::ReferenceStateMachine;
use queue::JobState;
use queue::drivers::{Action, Told};

use crate::answer::{Answer, Ending, Maintained, Pushed, Refusal, Word};
use crate::verbs::{End, Fetch, List, NewGroup, NewJob, Outcome, QUEUES, Verb, WORKERS, verb};

/// For how long leases last, in seconds.
pub(crate) const LEASE: u64 = 30;
/// The rescue that fails a job.
pub(crate) const MOST_RESCUES: u32 = 2;
const SILENCE: u64 = 15;
const DAY: u64 = 24 * 3_600;

/// A job's number; ids are made of it, in its order.
pub(crate) type Number = u64;
/// The run of a job: its number, and how many fetches it had by then.
pub(crate) type Run = (Number, u64);

/// A job. Times are seconds since the store was opened.
#[derive(Debug, Clone)]
pub(crate) struct Job {
    pub(crate) new: NewJob,
    pub(crate) state: JobState,
    /// When it is due, and which verb said so: of two that say the same second, the later verb is later.
    pub(crate) due: (u64, u64),
    pub(crate) attempt: u32,
    pub(crate) max_attempts: u32,
    pub(crate) rescues: u32,
    pub(crate) fetches: u64,
    pub(crate) created: u64,
    pub(crate) started: Option<u64>,
    pub(crate) finished: u64,
    pub(crate) expires: u64,
    pub(crate) worker: usize,
    pub(crate) is_cancelled: bool,
    /// Attempt, when, and what.
    pub(crate) errors: Vec<(u32, u64, String)>,
    pub(crate) progress: Option<u8>,
}

/// The store as it must be.
#[derive(Debug, Clone)]
pub(crate) struct Model {
    pub(crate) now: u64,
    /// How many verbs there were.
    pub(crate) verbs: u64,
    pub(crate) jobs: BTreeMap<Number, Job>,
    /// All ids that ever were, in the order of their pushes, and what was pushed.
    pub(crate) known: Vec<Number>,
    news: BTreeMap<Number, NewJob>,
    /// All runs that ever were.
    pub(crate) runs: Vec<Run>,
    pub(crate) paused: BTreeSet<usize>,
    /// When each worker was seen.
    pub(crate) workers: [Option<u64>; WORKERS],
    told: [Word; WORKERS],
    ticks: BTreeMap<(u8, u8), u64>,
    heard: u64,
    rescue_from: u64,
    pub(crate) answer: Answer,
}

impl ReferenceStateMachine for Model {
    type State = Self;
    type Transition = Verb;

    fn init_state() -> BoxedStrategy<Self> {
        Just(Self {
            now: 0,
            verbs: 0,
            jobs: BTreeMap::new(),
            known: Vec::new(),
            news: BTreeMap::new(),
            runs: Vec::new(),
            paused: BTreeSet::new(),
            workers: [None; WORKERS],
            told: [Word::Nothing; WORKERS],
            ticks: BTreeMap::new(),
            heard: 0,
            rescue_from: 0,
            answer: Answer::Nothing,
        })
        .boxed()
    }

    fn transitions(_: &Self) -> BoxedStrategy<Verb> {
        verb()
    }

    fn preconditions(model: &Self, verb: &Verb) -> bool {
        match verb {
            // A renewal after a silence may mark it, or leave that to the next `maintain`.
            Verb::Renew { .. } => model.now - model.heard < SILENCE,
            Verb::Cancel(_) | Verb::Retry(_) | Verb::Forget(_) | Verb::Claim { .. } => !model.known.is_empty(),
            Verb::Act(_, jobs) => jobs.is_empty() || !model.known.is_empty(),
            Verb::Settle(ends) | Verb::Exchange(ends, _) => ends.is_empty() || !model.runs.is_empty(),
            _ => true,
        }
    }

    fn apply(mut model: Self, verb: &Verb) -> Self {
        model.verbs += 1;
        model.answer = match verb {
            Verb::Push(groups) => Answer::Pushed(groups.iter().map(|group| model.push(group)).collect()),
            Verb::Fetch(fetch) => Answer::Fetched(model.fetch(fetch)),
            Verb::Settle(ends) => Answer::Settled(model.settle(ends)),
            Verb::Exchange(ends, fetch) => {
                let settled = model.settle(ends);
                Answer::Exchanged(settled, model.fetch(fetch))
            }
            Verb::Renew { worker, leases, stops } => model.renew(*worker, leases, *stops),
            Verb::Maintain => Answer::Maintained(vec![model.maintain()]),
            Verb::Advance(seconds) => {
                model.now += seconds;
                // What is old may go at once or with the next `maintain`, so there is one.
                Answer::Maintained(if *seconds > 5 { vec![model.maintain()] } else { Vec::new() })
            }
            Verb::Live(steps) => Answer::Maintained((0..*steps).map(|_| model.live()).collect()),
            Verb::Cancel(pick) => model.act(pick, Action::Cancel),
            Verb::Retry(pick) => model.act(pick, Action::Retry),
            Verb::Forget(pick) => model.act(pick, Action::Forget),
            Verb::Act(action, picks) => model.act_on_many(*action, picks),
            Verb::Claim { worker, job } => model.claim(*worker, job),
            Verb::Pause(queue) => {
                model.paused.insert(*queue);
                Answer::Nothing
            }
            Verb::Resume(queue) => {
                model.paused.remove(queue);
                Answer::Nothing
            }
            Verb::Tell(told, workers) => model.tell(*told, workers),
            Verb::List(list) => model.list(list),
        };
        model
    }
}

impl Model {
    fn holder(&self, key: usize) -> Option<Number> {
        self.jobs.iter().find(|(_, job)| job.new.key == Some(key) && !job.state.is_terminal()).map(|(number, _)| *number)
    }

    /// The number that a pushed job gets. A push that is repeated is the same in all.
    fn number(&mut self, new: &NewJob) -> (Number, NewJob) {
        const MIDDLE: u64 = 1 << 32;
        let next = self.known.len() as u64;
        if let Some(pick) = new.repeats.as_ref().filter(|_| !self.known.is_empty()) {
            let number = *pick.get(&self.known);
            return (number, self.news[&number].clone());
        }
        let number = if new.is_less { MIDDLE - 1 - next } else { MIDDLE + next };
        self.known.push(number);
        self.news.insert(number, new.clone());
        (number, new.clone())
    }

    fn push(&mut self, group: &NewGroup) -> Pushed {
        let jobs: Vec<_> = group.jobs.iter().map(|new| self.number(new)).collect();
        if let Some(tick) = group.tick {
            if self.ticks.contains_key(&tick) {
                return Pushed { jobs, answers: Vec::new() };
            }
            self.ticks.insert(tick, self.now);
        }
        let answers = jobs.iter().map(|(number, new)| self.insert(*number, new)).collect();
        Pushed { jobs, answers }
    }

    /// Stores a job; answers whose id is given, and whether it is that of another job.
    fn insert(&mut self, number: Number, new: &NewJob) -> (Number, bool) {
        if self.jobs.contains_key(&number) {
            return (number, false);
        }
        if let Some(holder) = new.key.and_then(|key| self.holder(key)) {
            return (holder, true);
        }
        let state = match (new.is_held, new.delay) {
            (true, _) => JobState::Held,
            (_, 0) => JobState::Available,
            _ => JobState::Scheduled,
        };
        let job = Job {
            new: new.clone(),
            state,
            due: (self.now + new.delay, self.verbs),
            attempt: 0,
            max_attempts: u32::from(new.max_attempts),
            rescues: 0,
            fetches: 0,
            created: self.now,
            started: None,
            finished: 0,
            expires: 0,
            worker: 0,
            is_cancelled: false,
            errors: Vec::new(),
            progress: None,
        };
        self.jobs.insert(number, job);
        (number, false)
    }

    fn fetch(&mut self, fetch: &Fetch) -> Vec<Run> {
        let mut runs = Vec::new();
        let asked = fetch.queues.iter().enumerate().filter(|(_, (is_asked, ..))| *is_asked);
        for (queue, &(_, free, ahead)) in asked {
            if self.paused.contains(&queue) {
                continue;
            }
            let is_left = |job: &Job| {
                fetch.except.iter().any(|(kind, from)| job.new.kind == *kind && from.is_none_or(|from| job.new.version >= from))
            };
            let mut ready: Vec<_> = self
                .jobs
                .iter()
                .filter(|(_, job)| job.state == JobState::Available && job.new.queue == queue && !is_left(job))
                .map(|(number, job)| (job.new.priority, job.due, *number, job.rescues))
                .collect();
            ready.sort_unstable();
            let behind = ready.split_off(free.min(ready.len()));
            ready.extend(behind.into_iter().filter(|(.., rescues)| *rescues == 0).take(ahead));
            for (_, _, number, _) in ready {
                runs.extend(self.begin(number, fetch.worker));
            }
        }
        runs
    }

    /// Begins a run of a job.
    fn begin(&mut self, number: Number, worker: usize) -> Option<Run> {
        let job = self.jobs.get_mut(&number)?;
        job.state = JobState::Running;
        job.attempt += 1;
        job.fetches += 1;
        job.worker = worker;
        job.started = Some(self.now);
        job.expires = self.now + LEASE;
        let run = (number, job.fetches);
        self.runs.push(run);
        Some(run)
    }

    fn claim(&mut self, worker: usize, pick: &Index) -> Answer {
        let number = self.last_known(pick);
        let state = self.jobs.get(&number).map(|job| job.state);
        let has_ended = matches!(state, Some(JobState::Failed | JobState::Cancelled));
        let claimed = match state {
            None => Err(Refusal::Unknown),
            Some(JobState::Scheduled | JobState::Available | JobState::Retryable) => Ok(()),
            Some(_) => self.retry(number).map(|_| ()),
        };
        let claimed = claimed.and_then(|()| self.begin(number, worker).ok_or(Refusal::Unknown));
        Answer::Claimed { number, has_ended, claimed }
    }

    /// One of the last runs.
    fn run(&self, pick: &Index) -> Run {
        let last = &self.runs[self.runs.len().saturating_sub(8)..];
        *pick.get(last)
    }

    /// The running job of a run that nobody else has by now.
    fn held(&mut self, (number, fetches): Run) -> Option<&mut Job> {
        self.jobs.get_mut(&number).filter(|job| job.state == JobState::Running && job.fetches == fetches)
    }

    fn settle(&mut self, ends: &[End]) -> Vec<Ending> {
        let (now, verbs) = (self.now, self.verbs);
        let mut endings = Vec::new();
        for end in ends {
            let run = self.run(&end.lease);
            let is_stored = self.held(run).map(|job| job.end(end.outcome, now, verbs)).is_some();
            endings.push(Ending { run, outcome: end.outcome, follow_ups: Vec::new(), is_stored });
        }
        for (ending, end) in endings.iter_mut().zip(ends) {
            for new in &end.follow_ups {
                let (number, new) = self.number(new);
                if ending.is_stored {
                    self.insert(number, &new);
                }
                ending.follow_ups.push((number, new));
            }
        }
        endings
    }

    fn renew(&mut self, worker: usize, leases: &[(Index, Option<u8>)], stops: bool) -> Answer {
        self.heard = self.now;
        let was_dead = self.workers[worker].is_some() && !self.is_alive(worker);
        if was_dead && self.told[worker] != Word::Nothing {
            self.told[worker] = Word::Unknown;
        }
        // What a worker is told as it stops does not matter.
        let told = if stops { Word::Unknown } else { self.told[worker] };
        if stops {
            self.told[worker] = Word::Nothing;
        }
        self.workers[worker] = (!stops).then_some(self.now);
        let (mut runs, mut lost, mut cancelled) = (Vec::new(), Vec::new(), Vec::new());
        let picked = leases.iter().filter(|_| !self.runs.is_empty()).map(|(pick, progress)| (self.run(pick), *progress));
        for (run, progress) in picked.collect::<BTreeMap<_, _>>() {
            let expires = self.now + LEASE;
            runs.push((run, progress));
            match self.held(run) {
                None => lost.push(run.0),
                Some(job) => {
                    job.expires = expires;
                    job.progress = progress.or(job.progress);
                    if job.is_cancelled {
                        cancelled.push(run.0);
                    }
                }
            }
        }
        Answer::Renewed { runs, lost, cancelled, told }
    }

    fn tell(&mut self, told: Told, named: &[usize]) -> Answer {
        // Whether a dead one that is named can be told is up to the driver.
        let is_meant = |worker: &usize| self.is_alive(*worker) && (named.is_empty() || named.contains(worker));
        let meant: Vec<_> = (0..WORKERS).filter(is_meant).collect();
        meant.iter().for_each(|worker| self.told[*worker] = Word::Is(told));
        let count = meant.len();
        Answer::Told(if named.is_empty() { Vec::new() } else { meant }, count)
    }

    fn is_alive(&self, worker: usize) -> bool {
        self.workers[worker].is_some_and(|seen| self.now < seen + LEASE)
    }

    fn live(&mut self) -> Maintained {
        self.now += 5;
        self.maintain()
    }

    fn maintain(&mut self) -> Maintained {
        let now = self.now;
        if now - self.heard >= SILENCE {
            self.rescue_from = now + SILENCE;
        }
        self.heard = now;
        let mut done = Maintained::default();
        for (number, job) in &mut self.jobs {
            let is_timed = matches!(job.state, JobState::Scheduled | JobState::Retryable);
            if is_timed && job.due.0 <= now {
                job.state = JobState::Available;
                done.promoted += 1;
            } else if job.state == JobState::Running && job.expires <= now && now >= self.rescue_from {
                job.rescues += 1;
                if job.rescues >= MOST_RESCUES && !job.is_cancelled {
                    job.errors.push((job.attempt, now, "its process died while running it".to_owned()));
                    job.finish(JobState::Failed, now);
                    done.failed.push(*number);
                } else {
                    done.rescued += 1;
                    job.state = JobState::Available;
                    if job.is_cancelled {
                        job.finish(JobState::Cancelled, now);
                    }
                }
                job.attempt -= 1;
            }
        }
        let before = self.jobs.len();
        self.jobs.retain(|_, job| {
            let keep = if job.state == JobState::Failed { 7 * DAY } else { DAY };
            !job.state.is_terminal() || now < job.finished + keep
        });
        done.pruned = before - self.jobs.len();
        self.ticks.retain(|_, stored| now < *stored + DAY);
        let timed = self.jobs.values().filter(|job| matches!(job.state, JobState::Scheduled | JobState::Retryable));
        done.next_due = timed.map(|job| job.due.0 - now).min();
        done
    }

    /// One of the last jobs that were pushed.
    fn last_known(&self, pick: &Index) -> Number {
        *pick.get(&self.known[self.known.len().saturating_sub(12)..])
    }

    fn act(&mut self, pick: &Index, action: Action) -> Answer {
        let number = self.last_known(pick);
        Answer::Acted(number, self.act_on(number, action))
    }

    fn act_on_many(&mut self, action: Action, picks: &[Index]) -> Answer {
        let mut numbers: Vec<_> = picks.iter().map(|pick| self.last_known(pick)).collect();
        if action == Action::Retry {
            // Whether they are due at one time, or one after the other, is up to the driver: so both are the same order.
            numbers.sort_unstable();
        }
        Answer::ActedOnMany(numbers.into_iter().map(|number| (number, self.act_on(number, action))).collect())
    }

    fn act_on(&mut self, number: Number, action: Action) -> Result<JobState, Refusal> {
        match action {
            _ if !self.jobs.contains_key(&number) => Err(Refusal::Unknown),
            Action::Cancel => self.cancel(number),
            Action::Retry => self.retry(number),
            Action::Forget => self.forget(number),
            action => panic!("the model knows no {action:?}"),
        }
    }

    fn cancel(&mut self, number: Number) -> Result<JobState, Refusal> {
        let now = self.now;
        let job = self.jobs.get_mut(&number).ok_or(Refusal::Unknown)?;
        match job.state {
            JobState::Running => job.is_cancelled = true,
            state if state.is_terminal() => return Err(Refusal::Conflict),
            _ => job.finish(JobState::Cancelled, now),
        }
        Ok(job.state)
    }

    fn retry(&mut self, number: Number) -> Result<JobState, Refusal> {
        let due = (self.now, self.verbs);
        let holder = self.jobs.get(&number).and_then(|job| job.new.key).and_then(|key| self.holder(key));
        let job = self.jobs.get_mut(&number).ok_or(Refusal::Unknown)?;
        if !matches!(job.state, JobState::Failed | JobState::Cancelled) || holder.is_some() {
            return Err(Refusal::Conflict);
        }
        job.state = JobState::Available;
        job.due = due;
        job.max_attempts += u32::from(job.new.max_attempts);
        job.rescues = 0;
        job.is_cancelled = false;
        Ok(job.state)
    }

    fn forget(&mut self, number: Number) -> Result<JobState, Refusal> {
        let state = self.jobs.get(&number).ok_or(Refusal::Unknown)?.state;
        if !state.is_terminal() {
            return Err(Refusal::Conflict);
        }
        self.jobs.remove(&number);
        Ok(state)
    }

    fn list(&self, list: &List) -> Answer {
        let after = list.after.as_ref().filter(|_| !self.known.is_empty()).map(|pick| *pick.get(&self.known));
        let is_behind =
            |number: Number| after.is_none_or(|after| if list.newest_first { number < after } else { number > after });
        let fits = |job: &Job| {
            (list.states.is_empty() || list.states.iter().any(|&state| JobState::ALL[state] == job.state))
                && (list.kinds.is_empty() || list.kinds.contains(&job.new.kind))
                && (list.queues.is_empty() || list.queues.contains(&job.new.queue))
                && (!list.is_tagged || job.new.is_tagged)
                && !list.not_kinds.contains(&job.new.kind)
                && !list.not_queues.contains(&job.new.queue)
                && (!list.is_untagged || !job.new.is_tagged)
        };
        let mut fitting: Vec<_> = self.jobs.iter().filter(|(_, job)| fits(job)).map(|(number, _)| *number).collect();
        if list.newest_first {
            fitting.reverse();
        }
        let count = fitting.len() as u64;
        let page = fitting.into_iter().filter(|number| is_behind(*number)).take(list.limit);
        Answer::Listed(after, page.collect(), count)
    }

    /// Jobs of a queue in a state.
    pub(crate) fn count(&self, queue: usize, state: JobState) -> u64 {
        self.jobs.values().filter(|job| job.new.queue == queue && job.state == state).count() as u64
    }

    /// Queues that a worker serves which is alive: the first serves all but the last, the second the last.
    pub(crate) fn is_served(&self, queue: usize) -> bool {
        self.is_alive(usize::from(queue == QUEUES - 1))
    }
}

impl Job {
    fn finish(&mut self, state: JobState, now: u64) {
        self.state = state;
        self.finished = now;
    }

    fn end(&mut self, outcome: Outcome, now: u64, verbs: u64) {
        let attempt = self.attempt;
        match outcome {
            Outcome::Complete => self.finish(JobState::Completed, now),
            Outcome::Fail => {
                self.errors.push((attempt, now, "failed".to_owned()));
                self.finish(JobState::Failed, now);
            }
            Outcome::Cancel(has_reason) => {
                self.errors.extend(has_reason.then(|| (attempt, now, "reason".to_owned())));
                self.finish(JobState::Cancelled, now);
            }
            Outcome::Retry(delay) => {
                self.errors.push((attempt, now, "retried".to_owned()));
                // A failed attempt goes behind those that wait.
                self.again(Some((now + delay, verbs)), delay, JobState::Retryable, now);
            }
            Outcome::Snooze(delay) | Outcome::Release(delay) => {
                self.attempt -= 1;
                self.again((delay > 0).then_some((now + delay, verbs)), delay, JobState::Scheduled, now);
            }
        }
    }

    fn again(&mut self, due: Option<(u64, u64)>, delay: u64, later: JobState, now: u64) {
        if self.is_cancelled {
            return self.finish(JobState::Cancelled, now);
        }
        self.state = if delay == 0 { JobState::Available } else { later };
        self.due = due.unwrap_or(self.due);
    }
}
