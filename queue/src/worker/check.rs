//! The part of the boot check that needs no store: the jobs themselves, and what they need of the container.

use std::any::TypeId;
use std::collections::BTreeMap;

use crate::container::{Consumer, Container};
use crate::registry::{Entry, Registry};

use super::builder::JobSet;
use super::report::StartError;

impl Container {
    /// The boot check of every registered job, without a worker and without a store: for one test of an application.
    ///
    /// It answers what [`start`](crate::worker::WorkerBuilder::start) would report of the jobs and of the graph of services: what
    /// is not bound, what a singleton must not hold, cycles, keys that are bound twice, two jobs of one kind, and that no job is
    /// registered at all. The report is the same, word for word.
    ///
    /// No constructor runs, sync or async, and nothing is connected to: a constructor that fails is found at the start of a worker.
    /// So are settings that a driver cannot honour, and what is wrong with the store.
    ///
    /// ```standalone_crate
    /// use std::sync::Arc;
    /// use queue::prelude::*;
    ///
    /// struct Smtp;
    ///
    /// #[derive(Queueable)]
    /// struct Welcome {
    ///     #[inject]
    ///     mail: Arc<Smtp>,
    /// }
    /// # impl Job for Welcome {
    /// #     async fn handle(&self) -> JobResult {
    /// #         Ok(())
    /// #     }
    /// # }
    ///
    /// fn services() -> Container {
    ///     Container::builder().singleton(|| Smtp).build()
    /// }
    ///
    /// // #[test]
    /// fn every_job_has_its_services() {
    ///     services().verify().unwrap();
    /// }
    /// # every_job_has_its_services();
    ///
    /// let report = Container::builder().build().verify().unwrap_err().to_string();
    /// assert!(report.contains("needs `Smtp`, which is not bound"));
    /// ```
    ///
    /// Jobs of a crate that nothing names are not linked, here as in the program: write `use my_jobs as _;`.
    ///
    /// # Errors
    ///
    /// With everything that is wrong in one report.
    pub fn verify(&self) -> Result<(), StartError> {
        verify(self, None)
    }

    /// [`verify`](Self::verify) for these jobs only, a type or a tuple: where the test links jobs that the container is not meant for,
    /// as [`WorkerBuilder::jobs`](crate::worker::WorkerBuilder::jobs) does for a worker.
    ///
    /// # Errors
    ///
    /// As [`verify`](Self::verify).
    pub fn verify_jobs<J: JobSet>(&self) -> Result<(), StartError> {
        verify(self, Some(&J::type_ids()))
    }
}

fn verify(container: &Container, only: Option<&[TypeId]>) -> Result<(), StartError> {
    let linked: Vec<&'static Entry> = Registry::linked().entries().collect();
    let is_meant = |entry: &&'static Entry| only.is_none_or(|only| only.contains(&entry.type_id));
    let entries: Vec<&'static Entry> = linked.iter().copied().filter(is_meant).collect();
    let mut faults = jobs(&linked, &entries);
    faults.extend(services(container, &consumers(&entries)));
    if faults.is_empty() { Ok(()) } else { Err(StartError::new(faults)) }
}

/// What is wrong with the jobs themselves; `entries` are those that shall run.
pub(super) fn jobs(linked: &[&'static Entry], entries: &[&'static Entry]) -> Vec<String> {
    if linked.is_empty() {
        let hint = "a crate that nothing names is dropped by the linker: write `use my_jobs as _;`, or register by hand with `Registry::add::<J>()`";
        return vec![format!("no job is registered: {hint}")];
    }
    if entries.is_empty() {
        let known: Vec<_> = linked.iter().map(|entry| format!("`{}` (queue `{}`)", entry.kind, entry.options.queue)).collect();
        return vec![format!(
            "none of the registered jobs is served: `only`, `exclude` and `jobs` leave out {}",
            known.join(", ")
        )];
    }
    names(entries)
}

/// Two jobs of one kind, or an alias that is another's kind.
fn names(entries: &[&'static Entry]) -> Vec<String> {
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

/// The jobs as the container sees them.
pub(super) fn consumers(entries: &[&'static Entry]) -> Vec<Consumer> {
    let consumer = |entry: &&'static Entry| Consumer {
        name: (entry.type_name)().to_owned(),
        type_id: entry.type_id,
        file: entry.file,
        line: entry.line,
        dependencies: (entry.dependencies)(),
    };
    entries.iter().map(consumer).collect()
}

/// What is wrong with the services.
pub(super) fn services(container: &Container, consumers: &[Consumer]) -> Vec<String> {
    container.check(consumers).iter().map(ToString::to_string).collect()
}
