//! The graph check: what is wrong with the bindings, found without making anything.

use std::any::TypeId;
use std::collections::VecDeque;
use std::fmt;

use super::binding::Lifetime;
use super::dependencies::{Dependencies, Dependency, Need, Want};
use super::key::{place, short};
use super::resolve::{Core, GiftSource};
use super::{duplicates, near, path};

/// Somebody who takes services from the container: a job.
#[derive(Debug, Clone)]
pub struct Consumer {
    /// What it is called in the report.
    pub name: String,
    /// Its type, for contextual bindings.
    pub type_id: TypeId,
    /// The file of its definition.
    pub file: &'static str,
    /// The line of its definition.
    pub line: u32,
    /// Its injected fields.
    pub dependencies: &'static [Dependency],
}

/// One thing that is wrong, with the places in the code; `Display` may be several lines, the first of which says it all.
///
/// Faults order by kind (not bound, constructor failed, held too long, cycle, bound twice), then by text.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fault {
    kind: Kind,
    text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Missing,
    Constructor,
    Captive,
    Cycle,
    Duplicate,
}

impl Fault {
    pub(super) fn new(kind: Kind, text: String) -> Self {
        Self { kind, text }
    }
}

pub(super) fn check(core: &Core, consumers: &[Consumer]) -> Vec<Fault> {
    let mut faults = Vec::new();
    for consumer in consumers {
        for field in consumer.dependencies {
            let label = field_label(consumer, field);
            missing(core, &label, consumer.type_id, &Dependencies::gather(field.needs), &mut faults);
        }
    }
    for (index, binding) in core.bindings.iter().enumerate() {
        let definition = &binding.definition;
        missing(core, &core.label(index), definition.key.type_id, &definition.needs, &mut faults);
        if binding.lifetime == Lifetime::Singleton {
            captives(core, index, &mut faults);
        }
    }
    missing_gifts(core, &mut faults);
    cycles(core, &mut faults);
    faults.extend(duplicates::all(core).into_iter().map(|text| Fault::new(Kind::Duplicate, text)));
    faults.sort();
    faults.dedup();
    faults
}

/// `` `SendWelcomeEmail.mail` (src/jobs.rs:12) ``
pub(super) fn field_label(consumer: &Consumer, field: &Dependency) -> String {
    format!("`{}.{}` ({}:{})", consumer.name, field.field, field.file, field.line)
}

fn missing(core: &Core, label: &str, consumer: TypeId, needs: &[Need], faults: &mut Vec<Fault>) {
    let context = core.context(consumer);
    for Need { key, want, .. } in needs {
        let has_gift = key.name.is_none() && context.is_some_and(|context| context.gift(key.type_id).is_some());
        if *want != Want::One || has_gift || core.locate(key.type_id, key.name, None).is_some() {
            continue;
        }
        let mut text = format!("{label} needs {key}, which is not bound");
        let near = near::misses(core, key);
        let hints = if near.is_empty() { vec![near::binding(key)] } else { near };
        for hint in hints {
            text.push_str("\n  ");
            text.push_str(&hint);
        }
        faults.push(Fault::new(Kind::Missing, text));
    }
}

/// Contextual bindings that give a name which is not bound.
fn missing_gifts(core: &Core, faults: &mut Vec<Fault>) {
    for context in core.contexts.values() {
        for gift in &context.gifts {
            let GiftSource::Named(name) = gift.source else { continue };
            if core.locate(gift.key.type_id, Some(name), None).is_none() {
                let consumer = short(context.consumer.type_name);
                let at = place(gift.place);
                let text = format!("`{consumer}` is given {} named \"{name}\" ({at}), which is not bound", gift.key);
                faults.push(Fault::new(Kind::Missing, text));
            }
        }
    }
}

/// A singleton that holds what lives only as long as a run, also by way of transients. `Lazy` and `Provider` do not help: in
/// a singleton they have no run to come back to.
fn captives(core: &Core, singleton: usize, faults: &mut Vec<Fault>) {
    let mut seen = vec![false; core.bindings.len()];
    let mut queue = VecDeque::from([(singleton, Vec::new())]);
    seen[singleton] = true;
    while let Some((index, via)) = queue.pop_front() {
        let through: Vec<String> = via.iter().map(|index| core.label(*index)).collect();
        let through = if through.is_empty() { String::new() } else { format!(" through {}", through.join(", ")) };
        let captured = |what: &str| {
            let holder = core.label(singleton);
            let name = short(core.bindings[singleton].definition.key.type_name);
            let text = format!(
                "singleton {holder} captures {what}{through}\n  make `{name}` scoped, or hand the value over in the call that needs it"
            );
            Fault::new(Kind::Captive, text)
        };
        for need in core.bindings[index].definition.needs.iter().filter(|need| need.want == Want::RunValue) {
            faults.push(captured(&format!("{}, which exists only while a job runs", need.key)));
        }
        for edge in core.edges_of(index) {
            let next = core.root(edge.index);
            if next == singleton || std::mem::replace(&mut seen[next], true) {
                continue;
            }
            match core.bindings[next].lifetime {
                Lifetime::Instance | Lifetime::Singleton => {}
                Lifetime::Scoped => faults.push(captured(&format!("scoped {}", core.label(next)))),
                Lifetime::Transient => queue.push_back((next, [via.as_slice(), &[next]].concat())),
            }
        }
    }
}

/// Circles of constructors. From each binding down; a binding that is met again while it is on the way closes one.
fn cycles(core: &Core, faults: &mut Vec<Fault>) {
    let mut is_done = vec![false; core.bindings.len()];
    for index in 0..core.bindings.len() {
        descend(core, index, &mut Vec::new(), &mut is_done, faults);
    }
}

fn descend(core: &Core, index: usize, way: &mut Vec<usize>, is_done: &mut [bool], faults: &mut Vec<Fault>) {
    if let Some(start) = way.iter().position(|above| *above == index) {
        faults.push(cycle(core, &way[start..]));
        return;
    }
    if is_done[index] {
        return;
    }
    way.push(index);
    for edge in core.edges_of(index).iter().filter(|edge| !edge.is_deferred) {
        descend(core, edge.index, way, is_done, faults);
    }
    way.pop();
    is_done[index] = true;
}

fn cycle(core: &Core, way: &[usize]) -> Fault {
    // Faces are hops of no interest, and the earliest binding begins, so that one circle has one text.
    let mut hops: Vec<usize> = way.iter().copied().filter(|index| core.bindings[*index].base.index().is_none()).collect();
    let first = hops.iter().enumerate().min_by_key(|(_, index)| **index).map_or(0, |(at, _)| at);
    hops.rotate_left(first);
    let hops: Vec<_> = hops.iter().map(|index| &core.bindings[*index].definition).map(|hop| (hop.key, hop.place)).collect();
    let text = format!("cycle: {}\n  break it with a `Lazy<..>` or `Provider<..>` argument", path::circle(&hops));
    Fault::new(Kind::Cycle, text)
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
