//! The boot check: everything that is wrong, in one report, before the first fetch.

use std::collections::{BTreeMap, HashSet};
use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::{Handle, Runtime};

use crate::container::{Consumer, Container};
use crate::drivers::{Capabilities, Driver, QueueRow};
use crate::error::{Error, ErrorKind, chain};
use crate::job::options::JobOptions;
use crate::job::{Filter, JobState};
use crate::queue::Queue;
use crate::registry::Entry;

use super::builder::{Settings, WorkerBuilder, cores};
use super::kinds::Kinds;
use super::shared::{Parts, Shared};
use super::{Worker, engine_gone, served};

/// How long a store that is away is waited for.
const STORE_PATIENCE: Duration = Duration::from_secs(120);
/// How many waiting jobs are looked at for kinds that nobody here knows.
const KINDS_LOOKED_AT: usize = 1_000;

/// Why a worker did not start: everything that is wrong.
///
/// `Display` and `Debug` are the whole report, because that is what `main` prints.
pub struct StartError {
    faults: Vec<String>,
    source: Option<Error>,
}

impl StartError {
    /// The faults, one text each.
    #[must_use]
    pub fn faults(&self) -> &[String] {
        &self.faults
    }

    fn of(error: Error) -> Self {
        Self { faults: vec![chain(&error)], source: Some(error) }
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.faults.len();
        write!(f, "the worker does not start: {count} {} wrong", if count == 1 { "thing is" } else { "things are" })?;
        for (index, fault) in self.faults.iter().enumerate() {
            write!(f, "\n{:>3}. {}", index + 1, fault.replace('\n', "\n     "))?;
        }
        Ok(())
    }
}

impl fmt::Debug for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl StdError for StartError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_ref().and_then(StdError::source)
    }
}

/// Checks, then starts.
pub(super) async fn start(builder: WorkerBuilder) -> Result<Worker, StartError> {
    let WorkerBuilder { queue, container, mut settings, registry, jobs, threads, on, hooks, fallback } = builder;
    let driver = Arc::clone(queue.driver());
    let capabilities = driver.capabilities();
    let linked: Vec<&'static Entry> = registry.entries().collect();
    let entries: Vec<&'static Entry> = linked
        .iter()
        .copied()
        .filter(|entry| settings.serves(entry.options.queue))
        .filter(|entry| jobs.as_ref().is_none_or(|jobs| jobs.contains(&entry.type_id)))
        .collect();
    settings.blocking_queues = blocking_queues(&entries);

    let mut faults = check_jobs(&linked, &entries, &driver, capabilities);
    faults.extend(check_settings(&settings, threads));
    let consumers: Vec<Consumer> = entries.iter().map(|entry| consumer(entry)).collect();
    let container_faults = container.check(&consumers);
    let is_container_sound = container_faults.is_empty();
    faults.extend(container_faults.iter().map(ToString::to_string));

    let queues = look_at_store(&queue).await.map_err(StartError::of)?;
    faults.extend(check_schema(&queue).await.map_err(StartError::of)?);
    let own_runtime = match on {
        Some(_) => None,
        None => Some(runtime(&settings, &entries, &queues, threads).map_err(StartError::of)?),
    };
    let handle =
        on.or_else(|| own_runtime.as_ref().map(|own| own.handle().clone())).ok_or_else(|| StartError::of(engine_gone()))?;
    if is_container_sound {
        // On the runtime of the handlers: an async constructor may open what it later uses there.
        let container = container.clone();
        let built = handle
            .spawn(async move { container.start(&consumers).await.iter().map(ToString::to_string).collect::<Vec<_>>() })
            .await;
        faults.extend(built.unwrap_or_else(|error| vec![format!("building the services did not end: {error}")]));
    }
    if !faults.is_empty() {
        if is_container_sound {
            stop_services(&handle, container).await;
        }
        if let Some(own) = own_runtime {
            own.shutdown_background();
        }
        return Err(StartError { faults, source: None });
    }

    if cfg!(panic = "abort") {
        tracing::warn!("the program is built with `panic = \"abort\"`: a panic in one job ends the whole process");
    }
    warn_of_unknown_kinds(&queue, &entries).await;
    let names: Vec<_> = entries.iter().map(|entry| entry.kind).collect();
    let jobs = if names.len() == 1 { "job" } else { "jobs" };
    tracing::info!("{} {jobs} registered: {}", names.len(), names.join(", "));
    served::warn_of_strangers(&settings, &linked, &queues);

    let kinds = Kinds::new(&entries, &fallback);
    let shared = Shared::new(Parts { settings, queue: queue.clone(), container, kinds, hooks, runtime: handle });
    let declared = entries.iter().map(|entry| Arc::from(entry.options.queue));
    let named: Vec<Arc<str>> = shared.settings.queues.keys().map(|name| Arc::from(name.as_str())).collect();
    let paused: HashSet<_> = queues.iter().filter(|row| row.is_paused).map(|row| Arc::clone(&row.name)).collect();
    for name in declared.chain(named).chain(queues.iter().map(|row| Arc::clone(&row.name))) {
        shared.add_lane(&name, paused.contains(&name));
    }
    served::log(&shared);
    let attachment = queue.attach(Arc::<Shared>::clone(&shared));
    shared.start();
    Ok(Worker { shared, attachment: Some(attachment), runtime: own_runtime })
}

/// Runs the hooks of the services that were built. On the blocking pool, since they are the user's code, and since handlers that
/// spin may hold every async thread.
pub(super) async fn stop_services(runtime: &Handle, container: Container) {
    let hooks = runtime.clone();
    // A runtime of the user's that has ended takes the hooks with it.
    drop(runtime.spawn_blocking(move || hooks.block_on(container.shutdown())).await);
}

fn consumer(entry: &'static Entry) -> Consumer {
    Consumer {
        name: (entry.type_name)().to_owned(),
        type_id: entry.type_id,
        file: entry.file,
        line: entry.line,
        dependencies: (entry.dependencies)(),
    }
}

/// What is wrong with the jobs themselves.
fn check_jobs(
    linked: &[&'static Entry],
    entries: &[&'static Entry],
    driver: &Arc<dyn Driver>,
    capabilities: Capabilities,
) -> Vec<String> {
    if linked.is_empty() {
        let hint = "a crate that nothing names is dropped by the linker: write `use my_jobs as _;`, or register by hand with `Registry::add::<J>()`";
        return vec![format!("no job is registered: {hint}")];
    }
    if entries.is_empty() {
        let known: Vec<_> = linked.iter().map(|entry| format!("`{}` (queue `{}`)", entry.kind, entry.options.queue)).collect();
        return vec![format!("none of the registered jobs is served: `only` and `jobs` leave out {}", known.join(", "))];
    }
    let mut faults = check_names(entries);
    for entry in entries {
        let place = format!("`{}` ({}:{})", (entry.type_name)(), entry.file, entry.line);
        if entry.options.unique.is_some() && !capabilities.unique {
            faults.push(format!("{place} is unique, which the driver `{}` cannot honour", driver.name()));
        }
        if entry.options.priority != JobOptions::DEFAULT_PRIORITY && capabilities.priorities < 2 {
            faults.push(format!("{place} has a priority, which the driver `{}` cannot honour", driver.name()));
        }
    }
    faults
}

/// Two jobs of one kind, or an alias that is another's kind.
fn check_names(entries: &[&'static Entry]) -> Vec<String> {
    let mut by_name: BTreeMap<&str, Vec<(&'static Entry, bool)>> = BTreeMap::new();
    for entry in entries {
        by_name.entry(entry.kind).or_default().push((entry, false));
        for alias in entry.aliases {
            by_name.entry(alias).or_default().push((entry, true));
        }
    }
    let place = |(entry, is_alias): &(&'static Entry, bool)| {
        let role = if *is_alias { "as an alias by " } else { "by " };
        format!("{role}`{}` ({}:{})", (entry.type_name)(), entry.file, entry.line)
    };
    by_name
        .into_iter()
        .filter(|(_, users)| users.len() > 1)
        .map(|(name, users)| {
            let users: Vec<_> = users.iter().map(place).collect();
            format!("the kind `{name}` is used {}: give one of them `#[queueable(name = \"..\")]`", users.join(" and "))
        })
        .collect()
}

fn check_settings(settings: &Settings, threads: Option<usize>) -> Vec<String> {
    let mut faults: Vec<String> = settings
        .queues
        .iter()
        .filter(|(_, slots)| **slots == 0)
        .map(|(name, _)| {
            format!("the queue `{name}` has 0 slots, so it would never run a job: the least is 1, and `only` leaves queues out")
        })
        .collect();
    for name in settings.queues.keys().filter(|name| !settings.serves(name)) {
        faults.push(format!("the queue `{name}` has slots, and `only` leaves it out"));
    }
    if settings.concurrency == Some(0) {
        faults.push("`concurrency(0)` would never run a job: the least is 1".to_owned());
    }
    if threads == Some(0) {
        faults.push("`threads(0)` would never run a job: the least is 1".to_owned());
    }
    if settings.lease < Duration::from_secs(1) {
        faults.push(format!("a lease of {:?} runs out before it can be renewed: the least is 1s", settings.lease));
    }
    faults.sort();
    faults
}

/// The queues of the store; a store that is away is waited for.
async fn look_at_store(queue: &Queue) -> Result<Vec<QueueRow>, Error> {
    let driver = Arc::clone(queue.driver());
    Shared::on_engine(queue, async move {
        let clock = driver.clock().clone();
        let (until, mut pause, mut is_first) = (clock.now() + STORE_PATIENCE, Duration::from_millis(100), true);
        loop {
            match driver.queues().await {
                Err(error) if error.kind() == ErrorKind::Unavailable && clock.now() < until => {
                    if std::mem::take(&mut is_first) {
                        tracing::warn!(
                            error = chain(&error),
                            "the store is away; the worker waits up to {STORE_PATIENCE:?} for it"
                        );
                    }
                    clock.sleep(pause).await;
                    pause = (pause * 2).min(Duration::from_secs(2));
                }
                answer => return answer,
            }
        }
    })
    .await
}

async fn check_schema(queue: &Queue) -> Result<Option<String>, Error> {
    let driver = Arc::clone(queue.driver());
    Shared::on_engine(queue, async move {
        let Some(migrate) = driver.migrate() else { return Ok(None) };
        let schema = migrate.schema().await?;
        Ok((!schema.is_current()).then(|| {
            format!("the schema of the store has version {} and this program wants {}: migrate it", schema.version, schema.wanted)
        }))
    })
    .await
}

/// Jobs that wait and that nobody here can run: a forgotten crate, or a kind that was renamed without an alias.
async fn warn_of_unknown_kinds(queue: &Queue, entries: &[&'static Entry]) {
    let driver = Arc::clone(queue.driver());
    let known: HashSet<&str> = entries.iter().flat_map(|entry| entry.aliases.iter().copied().chain([entry.kind])).collect();
    let looked = Shared::on_engine(queue, async move {
        let Some(inspect) = driver.inspect() else { return Ok(Vec::new()) };
        let waiting = JobState::ALL.into_iter().filter(|state| state.is_waiting());
        let filter = waiting.fold(Filter::new().limit(KINDS_LOOKED_AT), Filter::state);
        inspect.jobs(&filter).await
    })
    .await;
    let unknown: HashSet<String> =
        looked.unwrap_or_default().into_iter().map(|row| row.kind).filter(|kind| !known.contains(kind.as_str())).collect();
    for kind in unknown {
        tracing::warn!(
            kind,
            "jobs of this kind wait, and this worker does not know it: is the crate that defines it linked? `use that_crate as _;` does it"
        );
    }
}

/// Queues whose jobs all block: they get more slots by default.
fn blocking_queues(entries: &[&'static Entry]) -> HashSet<&'static str> {
    let mixed: HashSet<_> = entries.iter().filter(|entry| !entry.options.blocking).map(|entry| entry.options.queue).collect();
    entries.iter().map(|entry| entry.options.queue).filter(|queue| !mixed.contains(queue)).collect()
}

/// The threads of the handlers.
fn runtime(
    settings: &Settings,
    entries: &[&'static Entry],
    queues: &[QueueRow],
    threads: Option<usize>,
) -> Result<Runtime, Error> {
    let names: HashSet<&str> = entries
        .iter()
        .map(|entry| entry.options.queue)
        .chain(settings.queues.keys().map(String::as_str))
        .chain(queues.iter().map(|row| &*row.name))
        .collect();
    let slots: usize = names.into_iter().map(|queue| settings.slots(queue)).sum();
    tokio::runtime::Builder::new_multi_thread()
        // At least two, so that one handler that spins does not stop all others.
        .worker_threads(threads.unwrap_or_else(|| cores().max(2)))
        // Beyond the slots, so that handlers can use the pool themselves.
        .max_blocking_threads(slots + 64)
        .thread_name("queue-worker")
        .enable_all()
        .build()
        .map_err(|error| Error::new(ErrorKind::Worker, "cannot start the threads of the worker").with_source(error))
}
