//! The start and the stop of a container's services.

use std::fmt::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError};

use futures_util::FutureExt as _;
use tokio::sync::Mutex;

use super::ResolveError;
use super::binding::{Erased, Maker};
use super::builder::Hook;
use super::dependencies::Dependencies;
use super::error::Kind as ErrorKind;
use super::resolve::Core;
use super::scope::{Run, Scope};
use super::verify::{Consumer, Fault, Kind, field_label, labels};

/// Who started the container, and the one who is starting it now.
#[derive(Debug, Default)]
pub(super) struct Lifecycle {
    users: AtomicUsize,
    /// One for a container and all its children, as a child may make its parent's singletons.
    turn: Arc<Mutex<()>>,
}

impl Lifecycle {
    pub(super) fn of_child(parent: &Self) -> Self {
        Self { users: AtomicUsize::new(0), turn: Arc::clone(&parent.turn) }
    }
}

/// How a binding is reached by the consumers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Reach {
    No,
    /// Only by way of `Lazy` or `Provider`.
    Late,
    Now,
}

/// The bindings that consumers reach, each after what it needs.
struct Walk<'a> {
    core: &'a Core,
    reach: Vec<Reach>,
    order: Vec<usize>,
    /// Who needed it first.
    needed_by: Vec<Option<NeededBy>>,
}

#[derive(Debug, Clone)]
enum NeededBy {
    /// And the fields of groups on the way.
    Binding(usize, Vec<String>),
    Field(String, Vec<String>),
}

impl<'a> Walk<'a> {
    fn new(core: &'a Core, consumers: &[Consumer]) -> Self {
        let count = core.bindings.len();
        let mut walk = Self { core, reach: vec![Reach::No; count], order: Vec::new(), needed_by: vec![None; count] };
        for consumer in consumers {
            for field in consumer.dependencies {
                for edge in core.edges(Some(consumer.type_id), &Dependencies::gather(field.needs)) {
                    let reach = if edge.is_deferred { Reach::Late } else { Reach::Now };
                    walk.visit(edge.index, reach, NeededBy::Field(field_label(consumer, field), labels(edge.via)));
                }
            }
        }
        walk
    }

    fn visit(&mut self, index: usize, reach: Reach, needed_by: NeededBy) {
        if self.reach[index] >= reach {
            return;
        }
        let is_first = self.reach[index] == Reach::No;
        let is_async = matches!(self.core.bindings[index].definition.maker, Maker::Await(_));
        // A lookup cannot make an async service, so late would be too late.
        let reach = if is_async { Reach::Now } else { reach };
        self.reach[index] = reach;
        self.needed_by[index].get_or_insert(needed_by);
        for edge in self.core.edges_of(index) {
            let next = if edge.is_deferred { Reach::Late } else { reach };
            self.visit(edge.index, next, NeededBy::Binding(index, labels(edge.via)));
        }
        if is_first {
            self.order.push(index);
        }
    }

    fn path(&self, mut index: usize) -> String {
        let mut text = String::new();
        // Not longer than there are bindings: nothing here trusts the graph to be free of circles.
        for _ in 0..self.core.bindings.len() {
            let Some(needed_by) = &self.needed_by[index] else { break };
            let (NeededBy::Binding(_, via) | NeededBy::Field(_, via)) = needed_by;
            for field in via.iter().rev() {
                let _ = write!(text, ", needed by {field}");
            }
            match needed_by {
                NeededBy::Binding(by, _) => {
                    // A face says nothing that its binding does not.
                    if self.core.bindings[*by].base.index().is_none() {
                        let _ = write!(text, ", needed by {}", self.core.label(*by));
                    }
                    index = *by;
                }
                NeededBy::Field(field, _) => {
                    let _ = write!(text, ", needed by {field}");
                    break;
                }
            }
        }
        text
    }
}

pub(super) async fn start(core: &Arc<Core>, consumers: &[Consumer]) -> Vec<Fault> {
    let _turn = core.lifecycle.turn.lock().await;
    let walk = Walk::new(core, consumers);
    let mut is_broken = vec![false; core.bindings.len()];
    let mut faults = Vec::new();
    for &index in &walk.order {
        let binding = &core.bindings[index];
        if core.edges_of(index).iter().any(|edge| !edge.is_deferred && is_broken[edge.index]) {
            is_broken[index] = true;
        } else if binding.lifetime.is_shared() && walk.reach[index] == Reach::Now && binding.cell.get().is_none() {
            let Err(error) = make(core, index).await else { continue };
            is_broken[index] = true;
            // What is wrong with the graph is for the check to say.
            if error.kind() == ErrorKind::Constructor {
                let (message, needed_by) = error.in_parts();
                let path = format!("{needed_by}{}", walk.path(index));
                let text = format!("{message}\n  {}", path.trim_start_matches(", "));
                faults.push(Fault::new(Kind::Constructor, text));
            }
        }
    }
    // At the end: a start that is dropped halfway has no user.
    core.lifecycle.users.fetch_add(1, Ordering::AcqRel);
    faults.sort();
    faults.dedup();
    faults
}

/// Makes one singleton in the container that owns it; what it needs has been made.
async fn make(core: &Arc<Core>, index: usize) -> Result<(), ResolveError> {
    let (core, index) = match &core.bindings[index].owner {
        Some(owner) => (&owner.core, owner.index),
        None => (core, index),
    };
    let Maker::Await(promise) = &core.bindings[index].definition.maker else {
        return core.singleton(index).map(drop);
    };
    let promised = {
        let _entered = core.enter(index)?;
        let scope = Scope::new(core, Run::Outside, Some(core.bindings[index].definition.key.type_id));
        catch_unwind(AssertUnwindSafe(|| promise(&scope)))
    };
    let future = promised.map_err(|panic| core.panicked(index, panic.as_ref()))??;
    let value = match AssertUnwindSafe(future).catch_unwind().await {
        Ok(made) => made.map_err(|error| core.failed(index, error))?,
        Err(panic) => return Err(core.panicked(index, panic.as_ref())),
    };
    let value = core.wrapped(index, value)?;
    core.keep(index, value);
    Ok(())
}

pub(super) async fn shutdown(core: &Arc<Core>) {
    let _turn = core.lifecycle.turn.lock().await;
    let left = core.lifecycle.users.load(Ordering::Acquire).saturating_sub(1);
    core.lifecycle.users.store(left, Ordering::Release);
    if left > 0 {
        return;
    }
    loop {
        let next = core.built.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let Some(base) = next else { break };
        for index in (0..core.bindings.len()).rev().filter(|index| core.root(*index) == base) {
            let type_id = core.bindings[index].definition.key.type_id;
            for hook in core.hooks.iter().rev().filter(|hook| hook.key.type_id == type_id) {
                match core.singleton(index) {
                    Ok(value) => run(core, index, hook, value).await,
                    Err(error) => tracing::error!(service = %core.label(index), %error, "a service could not be shut down"),
                }
            }
        }
    }
}

async fn run(core: &Core, index: usize, hook: &Hook, value: &Erased) {
    let future = AssertUnwindSafe(async { (hook.run)(value).await });
    if future.catch_unwind().await.is_err() {
        tracing::error!(service = %core.label(index), "a shutdown hook panicked");
    }
}
