//! The faults of acting on many, telling and claiming.

use std::collections::HashMap;
use std::time::Duration;

use queue::drivers::{Action, Delivery, Settlement, Told, WorkerId, WorkerRow, WorkerState};
use queue::job::Outcome;
use queue::{Error, ErrorKind, JobId, JobState};

use super::{Fault, Faulty};

/// What an action answers.
type Answers = Vec<Result<JobState, Error>>;

impl Faulty {
    pub(super) async fn act_on(&self, action: Action, ids: &[JobId]) -> Result<Answers, Error> {
        match self.fault {
            Fault::ActsInWords => self.act_in_words(action, ids).await,
            Fault::ActsOnAThousand if ids.len() > 1_000 => {
                let mut answers = self.inner().act(action, &ids[..1_000]).await?;
                answers.extend(self.act_in_words(action, &ids[1_000..]).await?);
                Ok(answers)
            }
            Fault::ActsOnceAnId => {
                let mut seen = HashMap::new();
                let mut answers = Vec::new();
                for id in ids {
                    let answer = match seen.get(id) {
                        Some(&state) => Ok(state),
                        None => self.inner().act(action, &[*id]).await?.remove(0),
                    };
                    seen.extend(answer.as_ref().ok().map(|state| (*id, *state)));
                    answers.push(answer);
                }
                Ok(answers)
            }
            _ => {
                if self.has(Fault::ForgetsLiveJobs) && action == Action::Forget {
                    self.inner().act(Action::Cancel, ids).await?;
                }
                let mut answers = self.inner().act(action, ids).await?;
                match self.fault {
                    Fault::AnswersActsInNoOrder => answers.reverse(),
                    Fault::ForgetsWhatItWas if action == Action::Forget => {
                        answers.iter_mut().flatten().for_each(|state| *state = JobState::Completed);
                    }
                    Fault::NamesNoWinner => answers.iter_mut().for_each(|answer| {
                        if let Err(error) = answer {
                            *error = Error::new(error.kind(), "no");
                        }
                    }),
                    _ => {}
                }
                Ok(answers)
            }
        }
    }

    /// Says what would be, and does nothing.
    async fn act_in_words(&self, action: Action, ids: &[JobId]) -> Result<Answers, Error> {
        let mut answers = Vec::new();
        for id in ids {
            let state = self.inner().job(*id).await?.map(|row| row.state);
            answers.push(match (action, state) {
                (_, None) => Err(Error::new(ErrorKind::NotFound, "no")),
                (Action::Cancel, Some(JobState::Running)) => Ok(JobState::Running),
                (Action::Cancel, Some(state)) if !state.is_terminal() => Ok(JobState::Cancelled),
                (Action::Retry, Some(JobState::Failed | JobState::Cancelled)) => Ok(JobState::Available),
                (Action::Forget, Some(state)) if state.is_terminal() => Ok(state),
                _ => Err(Error::new(ErrorKind::Conflict, "no")),
            });
        }
        Ok(answers)
    }

    pub(super) async fn tell_workers(&self, told: Told, workers: &[WorkerId]) -> Result<usize, Error> {
        let all: Vec<_> = self.inner().workers().await?.iter().map(|row| row.id).collect();
        match self.fault {
            Fault::TellsNobody => Ok(if workers.is_empty() { all.len() } else { workers.len() }),
            Fault::TellsEverybody => self.inner().tell(told, &[]).await,
            Fault::TellsTheDead if workers.is_empty() => self.inner().tell(told, &all).await,
            Fault::TellsByTheRow => {
                for row in self.inner().workers().await? {
                    self.inner.renew(&WorkerRow { state: WorkerState::Quiet, ..row }, &[]).await?;
                }
                self.inner().tell(told, workers).await
            }
            Fault::KeepsTheFirstWord => {
                let first = *self.seen().first_word.get_or_insert(told);
                self.inner().tell(first, workers).await
            }
            _ => self.inner().tell(told, workers).await,
        }
    }

    /// What a renewal says, where the driver inside says this.
    pub(super) fn told_at(&self, worker: &WorkerRow, told: Option<Told>) -> Option<Told> {
        let mut seen = self.seen();
        match self.fault {
            Fault::TellsOnce => {
                let is_new = told.is_some() && seen.told.insert(worker.id, told).is_none();
                told.filter(|_| is_new)
            }
            Fault::TellsForEver => {
                let last = seen.told.entry(worker.id).or_default();
                *last = told.or(*last);
                *last
            }
            Fault::TellsUntilItIsHeeded if worker.state == WorkerState::Quiet => None,
            _ => told,
        }
    }

    pub(super) async fn claim_one(&self, id: JobId, worker: WorkerId, lease: Duration) -> Result<Delivery, Error> {
        let conflict = |why: &str| Err(Error::new(ErrorKind::Conflict, why.to_owned()));
        let row = self.inner().job(id).await?;
        let is_held = row.as_ref().is_some_and(|row| row.state == JobState::Held);
        let has_ended = row.as_ref().is_some_and(|row| row.state.is_terminal());
        match self.fault {
            Fault::ClaimsOnlyWhatIsDue if row.as_ref().is_some_and(|row| row.state != JobState::Available) => {
                return conflict("not due");
            }
            Fault::HeedsPausesInClaims => {
                let queue = row.as_ref().map_or("", |row| &row.queue);
                if self.inner().counts().await?.queues.get(queue).is_some_and(|queue| queue.is_paused) {
                    return conflict("paused");
                }
            }
            Fault::ClaimsNothingThatEnded if has_ended => return conflict("ended"),
            // As one does that has two calls for it.
            Fault::RetriesBeforeItClaims if has_ended => {
                self.inner().retry(id).await?;
                for _ in 0..50 {
                    tokio::task::yield_now().await;
                }
            }
            _ => {}
        }
        let lease = if self.has(Fault::ClaimsForEver) { Duration::from_secs(1_000_000) } else { lease };
        let claimed = self.inner().claim(id, worker, lease).await;
        let mut delivery = match claimed {
            Ok(delivery) => delivery,
            Err(error) => {
                let last = self.seen().last.iter().find(|last| last.lease.id == id || is_held).cloned();
                return match self.fault {
                    Fault::ClaimsTwice if !is_held => last.ok_or(error),
                    Fault::ClaimsWhatIsHeld if is_held => last.ok_or(error),
                    Fault::NamesNoWinner => Err(Error::new(error.kind(), "no")),
                    Fault::HidesWhyItClaimsNot => Err(Error::new(ErrorKind::NotFound, error.to_string())),
                    _ => Err(error),
                };
            }
        };
        self.seen().last.push(delivery.clone());
        match self.fault {
            Fault::ClaimsAndLetsGo => {
                let outcome = Outcome::Release { delay: Duration::ZERO };
                self.inner.settle(&[Settlement::new(delivery.lease, outcome)]).await?;
            }
            Fault::ClaimsWithTheOldCancel if has_ended => drop(self.inner().cancel(id).await?),
            Fault::ClaimsAsManyAttemptsAsBefore => delivery.max_attempts = row.map_or(0, |row| row.max_attempts),
            Fault::ClaimsWithoutCounting => delivery.attempt -= 1,
            Fault::ClaimsUnderTheOldToken => delivery.lease.token -= 1,
            _ => {}
        }
        Ok(delivery)
    }
}
