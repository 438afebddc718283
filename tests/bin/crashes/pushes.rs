//! Pushes whatever can be pushed, in all forms, several at a time.

use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use queue::drivers::{Driver, Due, Group, NewJob, Pushed, Tick};
use queue::{JobId, PushError, Queue};
use queue_tests::ledger::{Event, Ledger, Offer, Stored};
use queue_tests::probe::PATIENCE;

use crate::marks::Marks;
use crate::task::{Plan, Task};
use crate::{Stage, say};

/// How many callers push at the same time.
const CALLERS: usize = 3;

/// Pushes as many groups as the first word says, and then waits for its end; with `ends` it ends by itself.
pub(crate) async fn run(stage: Stage) -> Result<(), Box<dyn Error>> {
    let ends = stage.how.get(1).is_some_and(|word| word == "ends");
    let queue = stage.queue.clone();
    push(stage).await?;
    say("pushed");
    if !ends {
        std::future::pending::<()>().await;
    }
    Ok(queue.shutdown().await?)
}

/// Pushes as many groups as the first word says; with `unmarked`, none of them in a transaction of its own.
pub(crate) async fn push(mut stage: Stage) -> Result<(), Box<dyn Error>> {
    let is_marking = stage.how.iter().all(|word| word != "unmarked");
    let groups: usize = stage.how.first().map_or(Ok(20), |word| word.parse())?;
    let callers: Vec<_> = (0..CALLERS)
        .map(|_| {
            let random = stage.random.fork();
            let caller = Caller {
                driver: Arc::clone(&stage.driver),
                queue: stage.queue.clone(),
                ledger: Arc::clone(&stage.ledger),
                marks: Arc::clone(&stage.marks),
                random,
                is_marking,
            };
            tokio::spawn(caller.push(groups / CALLERS))
        })
        .collect();
    for caller in callers {
        caller.await?;
    }
    Ok(())
}

/// One who pushes, and awaits each push.
struct Caller {
    driver: Arc<dyn Driver>,
    queue: Queue,
    ledger: Arc<Ledger>,
    marks: Arc<Marks>,
    random: fastrand::Rng,
    is_marking: bool,
}

impl Caller {
    async fn push(mut self, groups: usize) {
        for _ in 0..groups {
            match self.random.u32(0..13) {
                0..5 => self.one().await,
                5 => self.delayed().await,
                6..8 => self.several().await,
                8 => self.many().await,
                9..11 => self.unique().await,
                11 if self.is_marking => self.marked().await,
                _ => self.tick().await,
            }
        }
    }

    fn task(&mut self) -> (u64, Plan) {
        (self.ledger.number(), Plan::any(&mut self.random))
    }

    async fn one(&mut self) {
        let (job, plan) = self.task();
        self.ledger.write(Event::PushBegun(Offer { jobs: vec![job], ..Offer::default() }));
        let answer = self.queue.dispatch(Task::with(job, plan)).await;
        self.note(job, answer.map(|pushed| vec![pushed]));
    }

    async fn delayed(&mut self) {
        let (job, plan) = self.task();
        let delay = Duration::from_millis(self.random.u64(1..30));
        self.ledger.write(Event::PushBegun(Offer { jobs: vec![job], ..Offer::default() }));
        let answer = self.queue.dispatch(Task::with(job, plan).delay(delay).priority(self.random.u8(..))).await;
        self.note(job, answer.map(|pushed| vec![pushed]));
    }

    async fn several(&mut self) {
        let [first, second, third] = [self.task(), self.task(), self.task()];
        self.ledger.write(Event::PushBegun(Offer { jobs: vec![first.0, second.0, third.0], ..Offer::default() }));
        let [one, two, three] = [first, second, third].map(|(job, plan)| Task::with(job, plan));
        let answer = self.queue.dispatch((one, two, three)).await;
        self.note(first.0, answer.map(|(one, two, three)| vec![one, two, three]));
    }

    async fn many(&mut self) {
        let tasks: Vec<_> = (0..20).map(|_| self.task()).collect();
        self.ledger.write(Event::PushBegun(Offer { jobs: tasks.iter().map(|(job, _)| *job).collect(), ..Offer::default() }));
        let answer = self.queue.dispatch_all(tasks.iter().map(|(job, plan)| Task::with(*job, *plan))).await;
        self.note(tasks[0].0, answer);
    }

    async fn unique(&mut self) {
        let (job, plan) = self.task();
        let key = format!("key-{}", self.random.u32(0..4));
        self.ledger.write(Event::PushBegun(Offer { jobs: vec![job], key: Some(key.clone()), ..Offer::default() }));
        let answer = self.queue.dispatch(Task::with(job, plan).unique_key(key)).await;
        self.note(job, answer.map(|pushed| vec![pushed]));
    }

    /// In a transaction of its own that leaves a mark too.
    async fn marked(&mut self) {
        let (job, plan) = self.task();
        self.ledger.write(Event::PushBegun(Offer { jobs: vec![job], is_marked: true, ..Offer::default() }));
        let pushing = async {
            let mut transaction = self.marks.begin("pushed", job).await.map_err(|error| PushError::Store(error.into()))?;
            let pushed = self.queue.dispatch_in(&mut transaction, Task::with(job, plan)).await?;
            transaction.commit().await.map_err(|error| PushError::Store(error.into()))?;
            Ok(vec![pushed])
        };
        let answer = pushing.await;
        self.note(job, answer);
    }

    /// There are no schedules yet, so the group of a tick is pushed as one will push it: through the contract of the driver.
    async fn tick(&mut self) {
        let (job, plan) = self.task();
        let minute = self.random.u64(0..30);
        self.ledger.write(Event::PushBegun(Offer {
            jobs: vec![job],
            tick: Some(format!("minute {minute}")),
            ..Offer::default()
        }));
        let tick =
            Tick { entry: "every-minute".into(), at: SystemTime::UNIX_EPOCH + Duration::from_secs(2_000_000_000 + 60 * minute) };
        let groups = [Group { jobs: vec![new_job(job, plan)], tick: Some(tick) }];
        let until = Instant::now() + PATIENCE;
        let answer = loop {
            match self.driver.push(&groups).await.pop().expect("a group has an answer") {
                // The engine would try again too, and with the same id.
                Err(PushError::Unavailable(_)) if Instant::now() < until => tokio::time::sleep(Duration::from_millis(20)).await,
                answer => break answer,
            }
        };
        self.note(job, answer);
    }

    fn note(&self, job: u64, answer: Result<Vec<Pushed>, PushError>) {
        note(&self.ledger, job, answer);
    }
}

/// Writes how a push was answered.
pub(crate) fn note(ledger: &Ledger, job: u64, answer: Result<Vec<Pushed>, PushError>) {
    ledger.write(match answer {
        Ok(pushed) => Event::PushConfirmed { job, stored: pushed.iter().map(Stored::from).collect() },
        Err(error) => Event::PushRefused { job, error: chain(&error) },
    });
}

/// An error with all its causes.
pub(crate) fn chain(error: &dyn Error) -> String {
    let causes = std::iter::successors(error.source(), |cause: &&dyn Error| (*cause).source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

/// A job as a driver is given it.
pub(crate) fn new_job(job: u64, plan: Plan) -> NewJob {
    let payload = serde_json::json!({ "job": job, "plan": plan }).to_string();
    NewJob {
        id: JobId::new(),
        kind: "Task".into(),
        queue: "default".into(),
        payload: payload.into_bytes().into(),
        version: 1,
        priority: 100,
        max_attempts: 3,
        due: Due::Now,
        extra: None,
    }
}
