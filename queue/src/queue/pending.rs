//! A job that is not yet pushed.

use std::cell::RefCell;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::drivers::{Due, Extra, NewJob, PushError, Pushed};
use crate::job::payload::{self, MAX_PAYLOAD};
use crate::job::{JobId, Queueable, StoreTransaction, unique};

use super::Queue;
use super::push::{JobList, Push};

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

    /// In this lane.
    pub fn queue(mut self, queue: impl Into<Arc<str>>) -> Self {
        self.queue = Some(queue.into());
        self
    }

    /// Lower goes first; 100 where nothing is said.
    pub fn priority(mut self, priority: u8) -> Self {
        self.priority = Some(priority);
        self
    }

    /// How many attempts it may have; 0 counts as 1.
    pub fn max_attempts(mut self, attempts: u16) -> Self {
        self.max_attempts = Some(attempts.max(1));
        self
    }

    /// At most one live job of this kind with this key; it goes before what the attributes say.
    pub fn unique_key(mut self, key: impl Into<String>) -> Self {
        self.extra().unique_key = Some(unique::by_text(J::KIND, &key.into()));
        self
    }

    /// A word to find it by, beside those of the attributes.
    pub fn tag(mut self, tag: impl Into<String>) -> Self {
        self.extra().tags.push(tag.into());
        self
    }

    /// A note that is stored with it.
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
            Err(error) => Push::failed(error),
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
        let payload = payload::encode(&self.args).map_err(|source| PushError::Encode { kind: J::KIND, source: source.into() })?;
        if payload.len() > MAX_PAYLOAD {
            return Err(PushError::TooLarge { kind: J::KIND.to_owned(), size: payload.len(), limit: MAX_PAYLOAD });
        }
        let options = &J::OPTIONS;
        let mut extra = self.extra;
        if !options.tags.is_empty() {
            let tags = &mut extra.get_or_insert_default().tags;
            tags.splice(0..0, options.tags.iter().map(|tag| (*tag).to_owned()));
        }
        if let Some(unique) = &options.unique
            && extra.as_ref().is_none_or(|extra| extra.unique_key.is_none())
        {
            let key = unique::by_fields(J::KIND, unique, &payload);
            let key = key.map_err(|source| PushError::Encode { kind: J::KIND, source: source.into() })?;
            extra.get_or_insert_default().unique_key = Some(key);
        }
        Ok(NewJob {
            id: JobId::new(),
            kind: intern(J::KIND),
            queue: self.queue.unwrap_or_else(|| intern(options.queue)),
            payload,
            version: options.version,
            priority: self.priority.unwrap_or(options.priority),
            max_attempts: self.max_attempts.unwrap_or(options.max_attempts),
            due: self.due,
            extra,
        })
    }
}

impl<J: Queueable> fmt::Debug for Pending<J> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pending").field("kind", &J::KIND).field("due", &self.due).finish_non_exhaustive()
    }
}

/// What [`Queue::dispatch`] takes: a pending job, a tuple of up to twelve, or a list of one kind.
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

/// A shared copy of a name that lives as long as the program, made once a thread.
fn intern(name: &'static str) -> Arc<str> {
    thread_local! {
        static NAMES: RefCell<Vec<(&'static str, Arc<str>)>> = const { RefCell::new(Vec::new()) };
    }
    NAMES
        .try_with(|names| {
            let mut names = names.borrow_mut();
            // A program has few kinds and a thread pushes fewer, so a list that is compared by address is fastest.
            if let Some((_, shared)) = names.iter().find(|(known, _)| std::ptr::eq(*known, name)) {
                return Arc::clone(shared);
            }
            let shared: Arc<str> = Arc::from(name);
            names.push((name, Arc::clone(&shared)));
            shared
        })
        .unwrap_or_else(|_| Arc::from(name))
}
