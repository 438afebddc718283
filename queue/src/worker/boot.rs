//! The boot check: everything that is wrong, in one report, before the first fetch.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::{Handle, Runtime};

use crate::container::Container;
use crate::drivers::{Driver, QueueRow};
use crate::error::{Error, ErrorKind, chain};
use crate::job::options::JobOptions;
use crate::job::{Filter, JobState};
use crate::queue::Queue;
use crate::registry::Entry;

use super::builder::{Settings, WorkerBuilder, cores};
use super::kinds::Kinds;
use super::report::StartError;
use super::shared::{Parts, Shared};
use super::{Worker, announce, check, engine_gone};

/// How long a store that is away is waited for.
const STORE_PATIENCE: Duration = Duration::from_secs(120);
/// How many waiting jobs are looked at for kinds that nobody here knows.
const KINDS_LOOKED_AT: usize = 1_000;

/// Checks, then starts.
pub(super) async fn start(builder: WorkerBuilder) -> Result<Worker, StartError> {
    let WorkerBuilder { queue, container, mut settings, registry, jobs, threads, on, hooks, fallback } = builder;
    let linked: Vec<&'static Entry> = registry.entries().collect();
    let entries: Vec<&'static Entry> = linked
        .iter()
        .copied()
        .filter(|entry| settings.serves(entry.options.queue))
        .filter(|entry| jobs.as_ref().is_none_or(|jobs| jobs.contains(&entry.type_id)))
        .collect();
    settings.blocking_queues = blocking_queues(&entries);

    let mut faults = check::jobs(&linked, &entries);
    faults.extend(check_driver(&entries, queue.driver()));
    faults.extend(check_settings(&settings, threads));
    let consumers = check::consumers(&entries);
    let container_faults = check::services(&container, &consumers);
    let is_container_sound = container_faults.is_empty();
    faults.extend(container_faults);

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
        return Err(StartError::new(faults));
    }

    if cfg!(panic = "abort") {
        tracing::warn!("the program is built with `panic = \"abort\"`: a panic in one job ends the whole process");
    }
    warn_of_unknown_kinds(&queue, &entries).await;
    let names: Vec<_> = entries.iter().map(|entry| entry.kind).collect();
    let jobs = if names.len() == 1 { "job" } else { "jobs" };
    tracing::info!("{} {jobs} registered: {}", names.len(), names.join(", "));
    announce::warn_of_strangers(&settings, &linked, &queues);

    let kinds = Kinds::new(&entries, &fallback);
    let shared = Shared::new(Parts { settings, queue: queue.clone(), container, kinds, hooks, runtime: handle });
    let declared = entries.iter().map(|entry| Arc::from(entry.options.queue));
    let named: Vec<Arc<str>> = shared.settings.queues.keys().map(|name| Arc::from(name.as_str())).collect();
    let paused: HashSet<_> = queues.iter().filter(|row| row.is_paused).map(|row| Arc::clone(&row.name)).collect();
    for name in declared.chain(named) {
        shared.add_lane(&name, paused.contains(&name), true);
    }
    for row in queues {
        shared.add_lane(&row.name, row.is_paused, false);
    }
    announce::log(&shared);
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

/// Options of the jobs that the driver cannot honour.
fn check_driver(entries: &[&'static Entry], driver: &Arc<dyn Driver>) -> Vec<String> {
    let capabilities = driver.capabilities();
    let mut faults = Vec::new();
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

/// The most slots of a queue: each is a task.
const MOST_SLOTS: usize = 10_000;
/// The most threads for async handlers.
const MOST_THREADS: usize = 1_024;

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
    let most = |what: String, most: usize| format!("{what} is more than one process can bear: the most is {most}");
    for (name, slots) in settings.queues.iter().filter(|(_, slots)| **slots > MOST_SLOTS) {
        faults.push(most(format!("the queue `{name}` with {slots} slots"), MOST_SLOTS));
    }
    if let Some(slots) = settings.concurrency.filter(|slots| *slots > MOST_SLOTS) {
        faults.push(most(format!("`concurrency({slots})`"), MOST_SLOTS));
    }
    if let Some(threads) = threads.filter(|threads| *threads > MOST_THREADS) {
        faults.push(most(format!("`threads({threads})`"), MOST_THREADS));
    }
    if settings.limit == Some(0) {
        faults.push("`limit(0)` would never run a job: the least is 1".to_owned());
    }
    if settings.limits.max_rescues == 0 {
        faults.push("`max_rescues(0)` fails a job before anybody rescued it: the least is 1".to_owned());
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
        Ok(inspect.jobs(&filter).await?.jobs)
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
    // Settings out of bounds are refused, but with all other faults, after the services were built here.
    let slots: usize = names.into_iter().map(|queue| settings.slots(queue).min(MOST_SLOTS)).sum();
    tokio::runtime::Builder::new_multi_thread()
        // At least two, so that one handler that spins does not stop all others.
        .worker_threads(threads.map_or_else(|| cores().max(2), |threads| threads.clamp(1, MOST_THREADS)))
        // Beyond the slots, so that handlers can use the pool themselves.
        .max_blocking_threads(slots + 64)
        .thread_name("queue-worker")
        .enable_all()
        .build()
        .map_err(|error| Error::new(ErrorKind::Worker, "cannot start the threads of the worker").with_source(error))
}
