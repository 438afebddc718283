//! The boot check: everything that is wrong, in one report, before the first fetch.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use tokio::runtime::{Handle, Runtime};

use crate::container::{Consumer, Container};
use crate::drivers::{Driver, QueueRow};
use crate::error::{Error, ErrorKind};
use crate::job::JobOptions;
use crate::nearest::nearest;
use crate::registry::Entry;

use super::builder::WorkerBuilder;
use super::kinds::Kinds;
use super::report::{BootJob, BootQueue, BootReport, BootWarning, StartError};
use super::settings::{self, MOST_SLOTS, MOST_THREADS, Settings, cores};
use super::shared::{Parts, Shared};
use super::{Worker, announce, check, engine_gone, look};

/// What was found before anything of the user's ran.
struct Survey {
    /// Everything that is wrong.
    faults: Vec<String>,
    /// Every registered job.
    linked: Vec<&'static Entry>,
    /// Those that the worker can run: anybody may push them into a queue that it serves.
    known: Vec<&'static Entry>,
    /// Those among them that it is sure to meet, and so checks.
    entries: Vec<&'static Entry>,
    /// The same as the container sees them.
    consumers: Vec<Consumer>,
    is_container_sound: bool,
    /// The queues of the store.
    stored: Vec<QueueRow>,
}

/// Checks.
pub(super) async fn check(mut builder: WorkerBuilder) -> Result<BootReport, StartError> {
    let survey = survey(&mut builder).await?;
    if survey.faults.is_empty() { Ok(survey.report(&builder).await) } else { Err(StartError::new(survey.faults)) }
}

/// Checks, then starts.
pub(super) async fn start(mut builder: WorkerBuilder) -> Result<Worker, StartError> {
    let mut survey = survey(&mut builder).await?;
    let own_runtime = match builder.on {
        Some(_) => None,
        None => Some(runtime(&builder, &survey).map_err(StartError::of)?),
    };
    let runs_on = builder.on.take().or_else(|| own_runtime.as_ref().map(|own| own.handle().clone()));
    let handle = runs_on.ok_or_else(|| StartError::of(engine_gone()))?;
    if survey.is_container_sound {
        // On the runtime of the handlers: an async constructor may open what it later uses there.
        let (container, consumers) = (builder.container.clone(), std::mem::take(&mut survey.consumers));
        let built = handle
            .spawn(async move { container.start(&consumers).await.iter().map(ToString::to_string).collect::<Vec<_>>() })
            .await;
        survey.faults.extend(built.unwrap_or_else(|error| vec![format!("building the services did not end: {error}")]));
    }
    if !survey.faults.is_empty() {
        if survey.is_container_sound {
            stop_services(&handle, builder.container).await;
        }
        if let Some(own) = own_runtime {
            own.shutdown_background();
        }
        return Err(StartError::new(survey.faults));
    }

    let report = survey.report(&builder).await;
    announce::log(&report, &builder.settings);
    let lasting: HashSet<String> = survey.lasting(&builder.settings).into_iter().map(str::to_owned).collect();
    let paused: HashSet<&str> = survey.stored.iter().filter(|row| row.is_paused).map(|row| &*row.name).collect();
    let WorkerBuilder { queue, container, settings, hooks, fallback, .. } = builder;
    let kinds = Kinds::new(&survey.known, &fallback);
    let shared = Shared::new(Parts { settings, queue: queue.clone(), container, kinds, hooks, runtime: handle });
    for BootQueue { name, .. } in &report.queues {
        shared.add_lane(&Arc::from(name.as_str()), paused.contains(name.as_str()), lasting.contains(name));
    }
    let attachment = queue.attach(Arc::<Shared>::clone(&shared));
    shared.start();
    Ok(Worker { shared, attachment: Some(attachment), runtime: own_runtime })
}

/// Looks at the jobs, the container, the settings and the store.
async fn survey(builder: &mut WorkerBuilder) -> Result<Survey, StartError> {
    let WorkerBuilder { queue, container, settings, registry, jobs, threads, fallback, .. } = builder;
    let linked: Vec<&'static Entry> = registry.entries().collect();
    let is_known = |entry: &&'static Entry| jobs.as_ref().is_none_or(|jobs| jobs.contains(&entry.type_id));
    let mut known: Vec<&'static Entry> = linked.iter().copied().filter(is_known).collect();
    // A queue that no job declares has what is pushed there by name, which may be any of them; a name like a declared one is a slip.
    let declared = || linked.iter().map(|entry| entry.options.queue);
    let has_any = settings.only.iter().flatten().any(|queue| nearest(queue, declared()).is_none());
    let is_met = |entry: &&'static Entry| has_any || settings.serves(entry.options.queue);
    let entries: Vec<&'static Entry> = known.iter().copied().filter(is_met).collect();
    // Of two jobs of one kind the one that is met counts: it comes last.
    known.sort_by_key(|entry| is_met(entry));
    settings.blocking_queues = blocking_queues(&entries);

    let mut faults = check::jobs(&linked, &entries);
    faults.extend(check_driver(&entries, queue.driver()));
    faults.extend(settings::faults(settings, *threads));
    faults.extend(fallback.fault());
    let consumers = check::consumers(&entries);
    let container_faults = check::services(container, &consumers);
    let is_container_sound = container_faults.is_empty();
    faults.extend(container_faults);

    let stored = look::queues(queue).await.map_err(StartError::of)?;
    faults.extend(look::schema(queue).await.map_err(StartError::of)?);
    Ok(Survey { faults, linked, known, entries, consumers, is_container_sound, stored })
}

impl Survey {
    /// What a worker says that starts.
    async fn report(&self, builder: &WorkerBuilder) -> BootReport {
        let WorkerBuilder { queue, settings, .. } = builder;
        let mut warnings = Vec::new();
        if cfg!(panic = "abort") {
            warnings.push(BootWarning::PanicAborts);
        }
        let unknown = look::unknown_kinds(queue, &self.known).await;
        warnings.extend(unknown.into_iter().map(|kind| BootWarning::UnknownKind { kind }));
        warnings.extend(announce::strangers(settings, &self.linked, &self.stored));
        let job = |entry: &&'static Entry| BootJob {
            kind: entry.kind,
            type_name: (entry.type_name)(),
            file: entry.file,
            line: entry.line,
            queue: entry.options.queue,
        };
        let is_unlimited = queue.driver().capabilities().push_waits;
        let served = |name: &str| BootQueue { name: name.to_owned(), slots: (!is_unlimited).then(|| settings.slots(name)) };
        BootReport {
            jobs: self.entries.iter().map(job).collect(),
            queues: self.names(settings).into_iter().filter(|name| settings.serves(name)).map(served).collect(),
            warnings,
        }
    }

    /// The queues that registered jobs declare, or that the worker names: they are served as long as it lives.
    fn lasting<'a>(&self, settings: &'a Settings) -> BTreeSet<&'a str> {
        let declared = self.entries.iter().map(|entry| entry.options.queue);
        let named = settings.queues.keys().chain(settings.only.iter().flatten());
        declared.filter(|queue| settings.serves(queue)).chain(named.map(String::as_str)).collect()
    }

    /// All queues that are known at the start.
    fn names<'a>(&'a self, settings: &'a Settings) -> BTreeSet<&'a str> {
        let mut names = self.lasting(settings);
        names.extend(self.stored.iter().map(|row| &*row.name));
        names
    }
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

/// Queues whose jobs all block: they get more slots by default.
fn blocking_queues(entries: &[&'static Entry]) -> HashSet<&'static str> {
    let mixed: HashSet<_> = entries.iter().filter(|entry| !entry.options.blocking).map(|entry| entry.options.queue).collect();
    entries.iter().map(|entry| entry.options.queue).filter(|queue| !mixed.contains(queue)).collect()
}

/// The threads of the handlers.
fn runtime(builder: &WorkerBuilder, survey: &Survey) -> Result<Runtime, Error> {
    let settings = &builder.settings;
    // Settings out of bounds are refused, but with all other faults, after the services were built here.
    let slots: usize = survey.names(settings).into_iter().map(|queue| settings.slots(queue).min(MOST_SLOTS)).sum();
    let threads = builder.threads.map_or_else(|| cores().max(2), |threads| threads.clamp(1, MOST_THREADS));
    tokio::runtime::Builder::new_multi_thread()
        // At least two, so that one handler that spins does not stop all others.
        .worker_threads(threads)
        // Beyond the slots, so that handlers can use the pool themselves.
        .max_blocking_threads(slots + 64)
        .thread_name("queue-worker")
        .enable_all()
        .build()
        .map_err(|error| Error::new(ErrorKind::Worker, "cannot start the threads of the worker").with_source(error))
}
