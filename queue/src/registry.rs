//! Kind → handler: the one place where generics end.

use std::any::TypeId;
use std::collections::HashSet;
use std::fmt;
use std::panic::Location;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::container::{Dependency, ResolveError, Scope};
use crate::drivers::{BoxFuture, Extra, NewJob, PushError};
use crate::error::{BoxError, Error, ErrorKind};
use crate::job::payload::{DecodeError, decode, encode};
use crate::job::{BlockingJob, Job, JobError, JobOptions, JobResult, Payload, Queueable, unique};

/// A job type, as the derive registers it.
pub struct Entry {
    /// The stable name.
    pub kind: &'static str,
    /// Earlier names.
    pub aliases: &'static [&'static str],
    /// What the attributes say.
    pub options: JobOptions,
    /// The Rust name of the type, with its path.
    pub type_name: fn() -> &'static str,
    /// The type, for contextual bindings.
    pub type_id: TypeId,
    /// The file of the struct.
    pub file: &'static str,
    /// The line of the struct.
    pub line: u32,
    /// The injected fields.
    pub dependencies: fn() -> &'static [Dependency],
    build: fn(&[u8], u16, &Scope<'_>) -> Result<Running, BuildError>,
    decode: fn(&[u8], u16) -> Result<(), DecodeError>,
    encode: fn(&[u8]) -> Result<Payload, BoxError>,
}

inventory::collect!(Entry);

impl Entry {
    /// The entry of an async job.
    #[must_use]
    pub const fn of<J: Job + Send + Sync>(file: &'static str, line: u32) -> Self {
        Self {
            kind: J::KIND,
            aliases: J::ALIASES,
            options: J::OPTIONS,
            type_name: std::any::type_name::<J>,
            type_id: TypeId::of::<J>(),
            file,
            line,
            dependencies: J::dependencies,
            build: |payload, version, scope| Ok(Running::Async(Box::new(AsyncRun(build::<J>(payload, version, scope)?)))),
            decode: |payload, version| decode::<J>(payload, version).map(drop),
            encode: encode_again::<J>,
        }
    }

    /// The entry of a blocking job.
    #[must_use]
    pub const fn blocking<J: BlockingJob + Send + Sync>(file: &'static str, line: u32) -> Self {
        Self {
            kind: J::KIND,
            aliases: J::ALIASES,
            options: J::OPTIONS,
            type_name: std::any::type_name::<J>,
            type_id: TypeId::of::<J>(),
            file,
            line,
            dependencies: J::dependencies,
            build: |payload, version, scope| Ok(Running::Blocking(Arc::new(BlockingRun(build::<J>(payload, version, scope)?)))),
            decode: |payload, version| decode::<J>(payload, version).map(drop),
            encode: encode_again::<J>,
        }
    }

    /// Decodes a payload and injects the services: a job that is ready to run.
    ///
    /// # Errors
    ///
    /// When the payload does not decode or a service cannot be given.
    pub(crate) fn build(&self, payload: &[u8], version: u16, scope: &Scope<'_>) -> Result<Running, BuildError> {
        (self.build)(payload, version, scope)
    }

    /// Whether a stored payload is one of this job, upgraded where an older version stored it.
    ///
    /// ```
    /// use queue::Registry;
    /// use queue::prelude::*;
    ///
    /// #[derive(Queueable)]
    /// struct Invite { user_id: u64 }
    /// impl Job for Invite {
    ///     async fn handle(&self) -> JobResult {
    ///         Ok(())
    ///     }
    /// }
    ///
    /// let registry = Registry::linked();
    /// let entry = registry.find("Invite").ok_or("not linked")?;
    /// entry.decode(br#"{"user_id":42}"#, 1)?;
    /// let error = entry.decode(br#"{"user_id":"me"}"#, 1).unwrap_err();
    /// assert!(format!("{error:?}").contains("at `user_id`"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`] with the path of the field that does not fit, for what the upgrade refuses, and for a version above
    /// the one that is known here.
    pub fn decode(&self, payload: &[u8], version: u16) -> Result<(), Error> {
        let (kind, known) = (self.kind, self.options.version);
        if version > known {
            let text = format!(
                "the payload has version {version} of `{kind}`, and this program knows {known}: it was pushed by a newer release of the program"
            );
            return Err(Error::new(ErrorKind::Invalid, text));
        }
        (self.decode)(payload, version)
            .map_err(|error| Error::new(ErrorKind::Invalid, format!("the payload is not one of `{kind}`")).with_source(error))
    }

    /// A job of this kind from its arguments as a JSON object, `{}` for none: read as its type reads them, written again as a push
    /// writes them, and with the options of the attributes. Give it to [`Queue::dispatch`](crate::Queue::dispatch).
    ///
    /// ```
    /// use queue::Registry;
    /// use queue::prelude::*;
    ///
    /// #[derive(Queueable)]
    /// #[queueable(queue = "mail", priority = 5)]
    /// struct Nudge { user_id: u64 }
    /// impl Job for Nudge {
    ///     async fn handle(&self) -> JobResult {
    ///         Ok(())
    ///     }
    /// }
    ///
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// let queue = Queue::connect("memory:").await?;
    /// let job = Registry::linked().find("Nudge").ok_or("not linked")?.job(br#"{ "user_id": 42 }"#)?;
    /// assert_eq!((&*job.queue, &*job.payload), ("mail", &br#"{"user_id":42}"#[..]));
    /// let pushed = queue.dispatch(job).await?;
    /// assert!(!pushed.is_duplicate);
    /// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`PushError::Encode`] for arguments that do not fit, with the path of the field. Its size is looked at when it is dispatched.
    pub fn job(&self, arguments: &[u8]) -> Result<NewJob, PushError> {
        let refuse = |source: BoxError| PushError::Encode { kind: self.kind.to_owned(), source };
        let options = &self.options;
        let payload = (self.encode)(arguments).map_err(refuse)?;
        let mut extra = None::<Box<Extra>>;
        if !options.tags.is_empty() {
            extra.get_or_insert_default().tags = options.tags.iter().map(|tag| (*tag).to_owned()).collect();
        }
        if let Some(unique) = &options.unique {
            let key = unique::by_fields(self.kind, unique, &payload).map_err(|error| refuse(error.into()))?;
            extra.get_or_insert_default().unique_key = Some(key);
        }
        Ok(NewJob {
            version: options.version,
            priority: options.priority,
            max_attempts: options.max_attempts,
            payload,
            extra,
            ..NewJob::new(self.kind, options.queue, b"")
        })
    }
}

/// Arguments as a push of `J` would store them.
fn encode_again<J: Queueable>(arguments: &[u8]) -> Result<Payload, BoxError> {
    // Serde takes a list for a struct, too; a payload is an object.
    if !arguments.trim_ascii_start().starts_with(b"{") {
        let source = "they are no JSON object; `{}` is the one without any".into();
        return Err(DecodeError::Field { path: None, source }.into());
    }
    let args = decode::<J>(arguments, J::OPTIONS.version)?;
    Ok(encode(&args)?)
}

fn build<J: Queueable>(payload: &[u8], version: u16, scope: &Scope<'_>) -> Result<J, BuildError> {
    let args = decode::<J>(payload, version).map_err(BuildError::Decode)?;
    J::build(args, scope).map_err(BuildError::Resolve)
}

/// Why a job could not be built.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BuildError {
    /// The payload does not fit: no retry will help.
    #[error(transparent)]
    Decode(DecodeError),
    /// A service could not be given: a retry may help.
    #[error(transparent)]
    Resolve(ResolveError),
}

/// A job that is ready to run, its type forgotten.
pub(crate) enum Running {
    Async(Box<dyn ErasedJob>),
    Blocking(Arc<dyn ErasedBlocking>),
}

/// [`Job`], its type forgotten.
pub(crate) trait ErasedJob: Send + Sync {
    fn handle(&self) -> BoxFuture<'_, JobResult>;
    fn failed<'a>(&'a self, error: &'a JobError) -> BoxFuture<'a, ()>;
    fn backoff(&self, attempt: u32, error: &JobError) -> Option<Duration>;
}

/// [`BlockingJob`], its type forgotten.
pub(crate) trait ErasedBlocking: Send + Sync {
    fn handle(&self) -> JobResult;
    fn failed(&self, error: &JobError);
    fn backoff(&self, attempt: u32, error: &JobError) -> Option<Duration>;
}

struct AsyncRun<J>(J);

impl<J: Job + Send + Sync> ErasedJob for AsyncRun<J> {
    fn handle(&self) -> BoxFuture<'_, JobResult> {
        Box::pin(self.0.handle())
    }

    fn failed<'a>(&'a self, error: &'a JobError) -> BoxFuture<'a, ()> {
        Box::pin(self.0.failed(error))
    }

    fn backoff(&self, attempt: u32, error: &JobError) -> Option<Duration> {
        self.0.backoff(attempt, error)
    }
}

struct BlockingRun<J>(J);

impl<J: BlockingJob + Send + Sync> ErasedBlocking for BlockingRun<J> {
    fn handle(&self) -> JobResult {
        self.0.handle()
    }

    fn failed(&self, error: &JobError) {
        self.0.failed(error);
    }

    fn backoff(&self, attempt: u32, error: &JobError) -> Option<Duration> {
        self.0.backoff(attempt, error)
    }
}

/// The jobs that a program knows.
///
/// The derive registers at link time. A crate that nothing names is dropped by the linker, jobs and all: write `use my_jobs as _;`,
/// or register by hand.
///
/// ```
/// use queue::prelude::*;
/// use queue::Registry;
///
/// #[derive(Queueable)]
/// struct Nightly;
/// impl Job for Nightly {
///     async fn handle(&self) -> JobResult {
///         Ok(())
///     }
/// }
///
/// Registry::add::<Nightly>();          // again, which changes nothing
/// assert!(Registry::linked().entries().any(|entry| entry.kind == "Nightly"));
/// ```
#[derive(Default, Clone)]
pub struct Registry {
    entries: Vec<&'static Entry>,
}

/// What was registered by hand. Entries live as long as the program, like those of the linker.
static BY_HAND: Mutex<Vec<&'static Entry>> = Mutex::new(Vec::new());

impl Registry {
    /// Every job that is registered, at link time or by hand until now, by kind.
    #[must_use]
    pub fn linked() -> Self {
        let by_hand = by_hand().clone();
        let mut entries: Vec<&'static Entry> = inventory::iter::<Entry>.into_iter().chain(by_hand).collect();
        entries.sort_by_key(|entry| (entry.kind, (entry.type_name)(), entry.line));
        // Registered both ways: the same type is the same job.
        let mut seen = HashSet::new();
        entries.retain(|entry| seen.insert(entry.type_id));
        Self { entries }
    }

    /// Registers a job by hand, for every worker that is built from now on.
    #[track_caller]
    pub fn add<J: Job + Send + Sync>() {
        let place = Location::caller();
        add(Entry::of::<J>(place.file(), place.line()));
    }

    /// Registers a blocking job by hand, for every worker that is built from now on.
    #[track_caller]
    pub fn add_blocking<J: BlockingJob + Send + Sync>() {
        let place = Location::caller();
        add(Entry::blocking::<J>(place.file(), place.line()));
    }

    /// The entry of this kind, else the one that had this name earlier.
    #[must_use]
    pub fn find(&self, kind: &str) -> Option<&'static Entry> {
        let by_alias = || self.entries().find(|entry| entry.aliases.contains(&kind));
        self.entries().find(|entry| entry.kind == kind).or_else(by_alias)
    }

    /// The entries, by kind.
    pub fn entries(&self) -> impl Iterator<Item = &'static Entry> + '_ {
        self.entries.iter().copied()
    }
}

fn by_hand() -> MutexGuard<'static, Vec<&'static Entry>> {
    // Only pushes run under this lock, so a poisoned one is whole.
    BY_HAND.lock().unwrap_or_else(PoisonError::into_inner)
}

fn add(entry: Entry) {
    let mut entries = by_hand();
    if !entries.iter().any(|known| known.type_id == entry.type_id) {
        entries.push(Box::leak(Box::new(entry)));
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.entries.iter().map(|entry| entry.kind)).finish()
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry").field("kind", &self.kind).field("type_name", &(self.type_name)()).finish_non_exhaustive()
    }
}
