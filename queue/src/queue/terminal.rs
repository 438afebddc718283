//! Waiting until jobs have ended: `Queue::wait`, and every push on `sync:`.

use std::collections::{HashMap, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::drivers::{Durability, NewJob, PushError, Pushed};
use crate::error::{Error, ErrorKind};
use crate::job::{JobId, JobRow, JobState};

use super::Queue;
use super::inspect::{inspection, joined};
use super::observe::Observer;
use super::push::Storing;
use super::reply::Reply;

/// How soon a job is looked at again that may end in another process; doubled each time.
const FIRST_LOOK: Duration = Duration::from_millis(100);
/// How seldom it is looked at at last.
const LONGEST_LOOK: Duration = Duration::from_secs(1);
/// How many jobs of one push are looked at that nobody has told of.
const LOOKS: usize = 100;

/// A job that has ended.
#[derive(Debug, Clone)]
struct Ended {
    id: JobId,
    /// Its row as it was then, from a store that may not keep it for long.
    row: Option<Box<JobRow>>,
}

type Waiting = HashMap<JobId, Vec<UnboundedSender<Ended>>>;

/// Those who wait for the end of jobs, told by the workers of this process.
#[derive(Debug, Default)]
pub(super) struct Waiters {
    waiting: Mutex<Waiting>,
    /// How many jobs are waited for: a look at it costs no lock.
    count: AtomicUsize,
}

impl Waiters {
    fn with<T>(&self, change: impl FnOnce(&mut MutexGuard<'_, Waiting>) -> T) -> T {
        // Nothing that can panic runs under this lock, so a poisoned one is whole.
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let answer = change(&mut waiting);
        self.count.store(waiting.len(), Ordering::Release);
        answer
    }

    fn is_empty(&self) -> bool {
        self.count.load(Ordering::Acquire) == 0
    }

    /// Those who wait for a job; they are told once.
    fn take(&self, id: JobId) -> Vec<UnboundedSender<Ended>> {
        self.with(|waiting| waiting.remove(&id)).unwrap_or_default()
    }
}

/// Jobs whose end is waited for. They are told of from the moment on at which this is made.
struct Ends {
    queue: Queue,
    pending: HashSet<JobId>,
    send: UnboundedSender<Ended>,
    receive: UnboundedReceiver<Ended>,
}

impl Ends {
    fn of(queue: &Queue, ids: impl IntoIterator<Item = JobId>) -> Self {
        let (send, receive) = unbounded_channel();
        let mut ends = Self { queue: queue.clone(), pending: HashSet::new(), send, receive };
        ends.add(ids);
        ends
    }

    fn add(&mut self, ids: impl IntoIterator<Item = JobId>) {
        self.queue.inner.waiters.with(|waiting| {
            for id in ids {
                if self.pending.insert(id) {
                    waiting.entry(id).or_default().push(self.send.clone());
                }
            }
        });
    }

    /// Resolves when a worker of this process has ended one of them; for good pending when none ever does.
    async fn next(&mut self) -> Option<Ended> {
        self.receive.recv().await
    }

    /// One that has ended meanwhile.
    fn next_now(&mut self) -> Option<Ended> {
        self.receive.try_recv().ok()
    }
}

impl Drop for Ends {
    fn drop(&mut self) {
        self.receive.close();
        self.queue.inner.waiters.with(|waiting| {
            for id in &self.pending {
                if let Some(list) = waiting.get_mut(id) {
                    list.retain(|waiter| !waiter.is_closed());
                    if list.is_empty() {
                        waiting.remove(id);
                    }
                }
            }
        });
    }
}

impl Queue {
    /// Waits until a job has ended, whatever it came to. That a push is *stored* is what awaiting the push tells.
    ///
    /// Cancel safe: nothing happens when it is dropped.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// use queue::{ErrorKind, JobId, Queue};
    ///
    /// let queue = Queue::connect("memory:").await.unwrap();
    /// let error = queue.wait(JobId::new(), Duration::from_secs(1)).await.unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::NotFound);
    /// # });
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Timeout`], which names the state that the job is in, and its queue where no live worker serves that;
    /// [`ErrorKind::NotFound`], also when the job ended before, or in another process, and the store no longer keeps the row; and as
    /// [`job`](Queue::job).
    pub async fn wait(&self, id: JobId, timeout: Duration) -> Result<JobRow, Error> {
        // Here, not on the engine: whatever ends from now on is told.
        let ends = Ends::of(self, [id]);
        let queue = self.clone();
        // On the engine, which has timers whatever the caller runs on; it ends when the caller drops this.
        let task = AbortOnDrop(self.engine().spawn(async move {
            let mut seen = None;
            match tokio::time::timeout(timeout, queue.until_terminal(id, ends, &mut seen)).await {
                Ok(row) => row,
                Err(_) => Err(queue.not_in_time(id, timeout, seen).await),
            }
        }));
        task.join().await
    }

    async fn not_in_time(&self, id: JobId, timeout: Duration, seen: Option<JobState>) -> Error {
        // What was seen may be old; but a store that hangs must not hold up the one who gave a time.
        let now = async { inspection(&**self.driver()).ok()?.job(id).await.ok().flatten() };
        let now = tokio::time::timeout(FIRST_LOOK, now).await.ok().flatten();
        let state = match now.as_ref().map(|row| row.state).or(seen) {
            Some(state) => format!("it is {state}"),
            None => "and the store does not say what it is doing".to_owned(),
        };
        let mut text = format!("job {id} did not end within {timeout:?}; {state}");
        if let Some(row) = now.filter(|row| row.state.is_waiting())
            && tokio::time::timeout(FIRST_LOOK, self.is_unserved(&row.queue)).await == Ok(true)
        {
            text.push_str(&format!(", and no live worker serves its queue `{}`", row.queue));
        }
        Error::new(ErrorKind::Timeout, text)
    }

    /// Whether jobs wait in a queue that no live worker serves.
    async fn is_unserved(&self, queue: &str) -> bool {
        let Ok(inspect) = inspection(&**self.driver()) else { return false };
        inspect.counts().await.is_ok_and(|counts| counts.queues.get(queue).is_some_and(|counts| counts.unserved > 0))
    }

    /// Waits until a job has ended; on the engine.
    async fn until_terminal(&self, id: JobId, mut ends: Ends, seen: &mut Option<JobState>) -> Result<JobRow, Error> {
        let mut pause = FIRST_LOOK;
        loop {
            match inspection(&**self.driver())?.job(id).await? {
                Some(row) if row.state.is_terminal() => return Ok(row),
                Some(row) => *seen = Some(row.state),
                // It may have ended and be gone since this began.
                None => match ends.next_now().and_then(|ended| ended.row) {
                    Some(row) => return Ok(*row),
                    None => {
                        let text = format!("there is no job {id}, or its row is no longer kept");
                        return Err(Error::new(ErrorKind::NotFound, text));
                    }
                },
            }
            // Real time: it is how often another process is looked at.
            if let Ok(Some(Ended { row: Some(row), .. })) = tokio::time::timeout(pause, ends.next()).await {
                return Ok(*row);
            }
            pause = (pause * 2).min(LONGEST_LOOK);
        }
    }

    /// `sync:` stores jobs, and answers when all of them are terminal; for a duplicate, when the job is that was there.
    pub(super) fn store_and_wait(&self, jobs: Vec<NewJob>, observer: Observer) -> Storing {
        if self.inner.workers.is_empty() {
            observer.failed(&PushError::NoWorker);
            return Storing::Done(Err(PushError::NoWorker));
        }
        // Before they are stored: a worker may have ended them before this thread goes on.
        let ends = Ends::of(self, jobs.iter().map(|job| job.id));
        let stored = match self.store(jobs, observer) {
            Storing::Done(Err(error)) => return Storing::Done(Err(error)),
            stored => stored,
        };
        let (answer, reply) = Reply::new();
        let queue = self.clone();
        self.engine().spawn(async move {
            let stored = match stored {
                Storing::Done(result) => result,
                Storing::UnderWay(reply) => reply.answered().await,
            };
            answer.give(match stored {
                Ok(pushed) => queue.all_ended(&pushed, ends).await.map(|()| pushed),
                Err(error) => Err(error),
            });
        });
        Storing::UnderWay(reply)
    }

    /// Waits until all jobs of a push have ended. The error is that of the first one, in order, that did not complete.
    async fn all_ended(&self, pushed: &[Pushed], mut ends: Ends) -> Result<(), PushError> {
        let mut look: Vec<JobId> = pushed.iter().filter(|pushed| pushed.is_duplicate).map(|pushed| pushed.id).collect();
        ends.add(look.iter().copied());
        let mut pending: HashSet<JobId> = pushed.iter().map(|pushed| pushed.id).collect();
        let mut failed = HashMap::new();
        loop {
            // Made before the look at the workers, so that none leaves in between.
            let left = self.inner.workers.left();
            let is_alone = self.inner.workers.is_empty();
            if is_alone {
                look.extend(&pending);
            }
            let mut live = None;
            for id in look.drain(..) {
                let error = match inspection(&**self.driver()).map_err(refused)?.job(id).await.map_err(refused)? {
                    Some(row) if !row.state.is_terminal() => {
                        live = Some((id, row.state));
                        continue;
                    }
                    Some(row) => did_not_complete(&row),
                    // One that came by a way that nobody here was told of, and is gone by now.
                    None => Some(unknown(id)),
                };
                failed.extend(error.map(|error| (id, error)));
                pending.remove(&id);
            }
            if pending.is_empty() {
                return pushed.iter().find_map(|pushed| failed.remove(&pushed.id)).map_or(Ok(()), Err);
            }
            if let Some((id, state)) = live.filter(|_| is_alone) {
                return Err(left_behind(id, state));
            }
            let mut ended = tokio::select! {
                ended = ends.next() => ended,
                () = left => None,
                // Another handle of the same store may have cancelled one.
                () = tokio::time::sleep(LONGEST_LOOK) => {
                    look.extend(pending.iter().take(LOOKS));
                    None
                }
            };
            // Those that came with it are taken together.
            while let Some(Ended { id, row }) = ended {
                match row {
                    Some(row) => {
                        failed.extend(did_not_complete(&row).map(|error| (id, error)));
                        pending.remove(&id);
                    }
                    None => look.push(id),
                }
                ended = ends.next_now();
            }
        }
    }

    /// Whether somebody waits for the end of a job.
    pub(crate) fn has_waiters(&self) -> bool {
        !self.inner.waiters.is_empty()
    }

    /// A job has become terminal.
    pub(crate) fn terminal(&self, id: JobId) {
        if !self.has_waiters() {
            return;
        }
        let waiters = self.inner.waiters.take(id);
        if waiters.is_empty() {
            return;
        }
        let ended = Ended { id, row: self.row_now(id).map(Box::new) };
        for waiter in waiters {
            // Whoever waited may have gone away.
            let _ = waiter.send(ended.clone());
        }
    }

    /// The row of a job that has ended just now, from a store in memory: it keeps only the last ones, and answers at once. Others keep
    /// them for long enough to be looked at by those who wait.
    fn row_now(&self, id: JobId) -> Option<JobRow> {
        if self.inner.capabilities.durability != Durability::Process {
            return None;
        }
        let look = || inspection(&**self.driver()).ok()?.job(id).now_or_never()?.ok()?;
        // A driver that panics must not take the worker along that has settled the job.
        catch_unwind(AssertUnwindSafe(look)).ok().flatten().filter(|row| row.state.is_terminal())
    }
}

fn refused(error: Error) -> PushError {
    PushError::Store(error.into())
}

/// The error of a push whose job was stored, and has nobody left to run it.
fn left_behind(id: JobId, state: JobState) -> PushError {
    let error = "the last worker stopped before the job ended; it stays stored, and runs when the next one starts".to_owned();
    PushError::Job { id, state, error }
}

/// The error of a job that ended and did not complete.
fn did_not_complete(row: &JobRow) -> Option<PushError> {
    if row.state == JobState::Completed {
        return None;
    }
    let error = row.errors.last().map_or_else(|| "no error was recorded".to_owned(), |error| error.message.clone());
    Some(PushError::Job { id: row.id, state: row.state, error })
}

fn unknown(id: JobId) -> PushError {
    PushError::Store(format!("it no longer keeps job {id}, so nobody knows how that ended").into())
}

/// A task that ends when nobody waits for it.
struct AbortOnDrop<T>(tokio::task::JoinHandle<Result<T, Error>>);

impl<T> AbortOnDrop<T> {
    async fn join(mut self) -> Result<T, Error> {
        joined((&mut self.0).await)
    }
}

impl<T> Drop for AbortOnDrop<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}
