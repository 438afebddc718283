//! A job that is not yet pushed.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::drivers::{Due, Extra, ExtraSizes, NewJob, PushError, Pushed};
use crate::error::BoxError;
use crate::job::payload::{self, MAX_PAYLOAD};
use crate::job::{JobId, JobOptions, Queueable, StoreTransaction, queue_name, unique};

use super::push::{JobList, Push};
use super::{Queue, names, observe};

/// A job that is not yet pushed: what `with(..)` gives. It says what differs from the attributes of its type.
///
/// ```
/// use std::time::Duration;
/// use queue::prelude::*;
///
/// #[derive(Queueable)]
/// struct Remind { user_id: u64 }
/// impl Job for Remind {
///     async fn handle(&self) -> JobResult {
///         Ok(())
///     }
/// }
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let queue = Queue::connect("memory:").await?;
/// let pending = Remind::with(42).delay(Duration::from_secs(60)).queue("vip").priority(1).tag("trial");
/// let pushed = queue.dispatch(pending).await?;
/// assert!(!pushed.is_duplicate);
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "a pending job is not pushed: call `.push()`, or give it to `queue.dispatch(..)`"]
pub struct Pending<J: Queueable> {
    args: J::Args,
    due: Due,
    queue: Option<Arc<str>>,
    priority: Option<u8>,
    max_attempts: Option<u16>,
    extra: Option<Box<Extra>>,
}

impl<J: Queueable> Pending<J> {
    /// A pending job with the options of its type.
    pub fn new(args: J::Args) -> Self {
        Self { args, due: Due::Now, queue: None, priority: None, max_attempts: None, extra: None }
    }

    /// Due after this time, on the store's clock.
    pub fn delay(mut self, delay: Duration) -> Self {
        self.due = Due::In(delay);
        self
    }

    /// Due at this time of the wall clock; a past one is "at once".
    pub fn at(mut self, time: SystemTime) -> Self {
        self.due = Due::At(time);
        self
    }

    /// In this lane: 1 to 128 bytes without control characters, or the push is [`PushError::Encode`].
    pub fn queue(mut self, queue: impl AsRef<str>) -> Self {
        self.queue = Some(names::of_push(queue.as_ref()));
        self
    }

    /// Lower goes first; 100 where nothing is said.
    pub fn priority(mut self, priority: u8) -> Self {
        self.priority = Some(priority);
        self
    }

    /// How many attempts it may have: 1 to 1000, or the push is [`PushError::Encode`].
    pub fn max_attempts(mut self, attempts: u16) -> Self {
        self.max_attempts = Some(attempts);
        self
    }

    /// At most one live job of this kind with this key; it goes before what the attributes say.
    pub fn unique_key(mut self, key: impl Into<String>) -> Self {
        self.extra().unique_key = Some(unique::by_text(J::KIND, &key.into()));
        self
    }

    /// A word to find it by, beside those of the attributes. Payload, tags and meta may have 1 MiB together.
    pub fn tag(mut self, tag: impl Into<String>) -> Self {
        self.extra().tags.push(tag.into());
        self
    }

    /// A note that is stored with it. Payload, tags and meta may have 1 MiB together.
    pub fn meta(mut self, key: impl Into<String>, value: impl Into<serde_json::Value>) -> Self {
        self.extra().meta.insert(key.into(), value.into());
        self
    }

    fn extra(&mut self) -> &mut Extra {
        self.extra.get_or_insert_default()
    }

    /// Pushes to the [current](Queue::current) queue, at once; awaiting the answer confirms that the job is stored.
    pub fn push(self) -> Push<Pushed> {
        match Queue::current() {
            Ok(queue) => queue.dispatch(self),
            Err(error) => {
                observe::refused(J::KIND, J::OPTIONS.queue);
                Push::failed(error)
            }
        }
    }

    /// Pushes in the caller's transaction to the current queue: the job exists if and only if the transaction commits.
    ///
    /// # Errors
    ///
    /// [`PushError::NoQueue`], [`PushError::WrongTransaction`] for a transaction of another store, and what the store says.
    pub async fn push_in(self, transaction: &mut impl StoreTransaction) -> Result<Pushed, PushError> {
        Queue::current()?.dispatch_in(transaction, self).await
    }

    /// Encodes the arguments and makes the id.
    pub(super) fn encode(self) -> Result<NewJob, PushError> {
        let refuse = |source: BoxError| PushError::Encode { kind: J::KIND.to_owned(), source };
        let options = &J::OPTIONS;
        let is_queue_plain = self.queue.is_none() && const { queue_name::is_plain(J::OPTIONS.queue) };
        let queue = self.queue.unwrap_or_else(|| names::of_program(options.queue));
        if !is_queue_plain {
            queue_name::check(&queue).map_err(|error| refuse(error.into()))?;
        }
        let max_attempts = self.max_attempts.unwrap_or(options.max_attempts);
        check_attempts(max_attempts).map_err(refuse)?;
        let payload = payload::encode(&self.args).map_err(|error| refuse(error.into()))?;
        let mut extra = self.extra;
        if !options.tags.is_empty() {
            let tags = &mut extra.get_or_insert_default().tags;
            tags.splice(0..0, options.tags.iter().map(|tag| (*tag).to_owned()));
        }
        if let Some(unique) = &options.unique
            && extra.as_ref().is_none_or(|extra| extra.unique_key.is_none())
        {
            let key = unique::by_fields(J::KIND, unique, &payload);
            extra.get_or_insert_default().unique_key = Some(key.map_err(|error| refuse(error.into()))?);
        }
        if extra.is_some() || payload.len() > MAX_PAYLOAD {
            check_size(J::KIND, payload.len(), extra.as_deref())?;
        }
        Ok(NewJob {
            id: JobId::new(),
            kind: names::of_program(J::KIND),
            queue,
            payload,
            version: options.version,
            priority: self.priority.unwrap_or(options.priority),
            max_attempts,
            due: self.due,
            extra,
        })
    }
}

/// Whether a job that is no [`Pending`] could be one.
pub(super) fn check(job: &NewJob) -> Result<(), PushError> {
    let refuse = |source: BoxError| PushError::Encode { kind: job.kind.to_string(), source };
    queue_name::check(&job.queue).map_err(|error| refuse(error.into()))?;
    check_attempts(job.max_attempts).map_err(refuse)?;
    check_size(&job.kind, job.payload.len(), job.extra.as_deref())
}

fn check_attempts(attempts: u16) -> Result<(), BoxError> {
    let most = JobOptions::MOST_ATTEMPTS;
    if (1..=most).contains(&attempts) {
        return Ok(());
    }
    Err(format!("`max_attempts` is {attempts} and must be between 1 and {most}").into())
}

/// Whether a payload, with what is stored beside it, is within the limit.
fn check_size(kind: &str, payload: usize, extra: Option<&Extra>) -> Result<(), PushError> {
    let beside = extra.map_or_else(ExtraSizes::default, Extra::sizes);
    let refuse = |what: String, size| Err(PushError::TooLarge { kind: kind.to_owned(), what, size, limit: MAX_PAYLOAD });
    for (what, size) in [("payload", payload), ("meta", beside.meta), ("list of tags", beside.tags)] {
        if size > MAX_PAYLOAD {
            return refuse(what.to_owned(), size);
        }
    }
    let size = payload + beside.sum();
    if size <= MAX_PAYLOAD {
        return Ok(());
    }
    let parts = [("tags", beside.tags), ("meta", beside.meta), ("unique key", beside.unique_key)];
    let parts: Vec<_> = parts.iter().filter(|(_, size)| *size > 0).map(|(what, _)| *what).collect();
    let parts = match parts.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        _ => parts.concat(),
    };
    refuse(format!("payload with its {parts}"), size)
}

impl<J: Queueable> fmt::Debug for Pending<J> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pending").field("kind", &J::KIND).field("due", &self.due).finish_non_exhaustive()
    }
}

/// What [`Queue::dispatch`] takes: a pending job, a tuple of up to twelve, or a list of one kind; or a [`NewJob`], whose type the
/// program need not know, and which is checked as a pending one is.
///
/// ```
/// use queue::Queue;
/// use queue::drivers::NewJob;
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let queue = Queue::connect("memory:").await?;
/// let pushed = queue.dispatch(NewJob::new("SendReceipt", "mail", br#"{"order":42}"#)).await?;
/// assert_eq!(queue.job(pushed.id).await?.map(|row| row.kind).as_deref(), Some("SendReceipt"));
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be dispatched",
    label = "not a pending job",
    note = "give what `with(..)` makes, a tuple of 1 to 12 of them, or a `Vec`; for an iterator use `queue.dispatch_all(..)`"
)]
pub trait Dispatch {
    /// `Pushed`, a tuple of it, or a `Vec`.
    type Pushed;

    /// Adds the jobs, in order.
    #[doc(hidden)]
    fn add_to(self, jobs: &mut JobList);

    /// Takes back what became of them, in order.
    #[doc(hidden)]
    fn take_from(pushed: &mut std::vec::IntoIter<Pushed>) -> Option<Self::Pushed>;
}

impl<J: Queueable> Dispatch for Pending<J> {
    type Pushed = Pushed;

    fn add_to(self, jobs: &mut JobList) {
        jobs.add(self);
    }

    fn take_from(pushed: &mut std::vec::IntoIter<Pushed>) -> Option<Pushed> {
        pushed.next()
    }
}

impl Dispatch for NewJob {
    type Pushed = Pushed;

    fn add_to(self, jobs: &mut JobList) {
        jobs.add_new(self);
    }

    fn take_from(pushed: &mut std::vec::IntoIter<Pushed>) -> Option<Pushed> {
        pushed.next()
    }
}

impl<J: Queueable> Dispatch for Vec<Pending<J>> {
    type Pushed = Vec<Pushed>;

    fn add_to(self, jobs: &mut JobList) {
        self.into_iter().for_each(|pending| jobs.add(pending));
    }

    fn take_from(pushed: &mut std::vec::IntoIter<Pushed>) -> Option<Vec<Pushed>> {
        Some(pushed.collect())
    }
}

impl<J: Queueable, const N: usize> Dispatch for [Pending<J>; N] {
    type Pushed = Vec<Pushed>;

    fn add_to(self, jobs: &mut JobList) {
        self.into_iter().for_each(|pending| jobs.add(pending));
    }

    fn take_from(pushed: &mut std::vec::IntoIter<Pushed>) -> Option<Vec<Pushed>> {
        Some(pushed.take(N).collect())
    }
}

macro_rules! tuples {
    ($first:ident $($rest:ident)*) => {
        tuples!($($rest)*);
        impl<$first: Queueable, $($rest: Queueable),*> Dispatch for (Pending<$first>, $(Pending<$rest>,)*) {
            type Pushed = (Pushed, $(tuples!(@pushed $rest),)*);

            fn add_to(self, jobs: &mut JobList) {
                #[expect(non_snake_case, reason = "the values are named as their types")]
                let ($first, $($rest,)*) = self;
                jobs.add($first);
                $(jobs.add($rest);)*
            }

            fn take_from(pushed: &mut std::vec::IntoIter<Pushed>) -> Option<Self::Pushed> {
                Some((tuples!(@next $first pushed), $(tuples!(@next $rest pushed),)*))
            }
        }
    };
    () => {};
    (@pushed $job:ident) => { Pushed };
    (@next $job:ident $pushed:ident) => { $pushed.next()? };
}

tuples!(A B C D E F G H I J K L);
