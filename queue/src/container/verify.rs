//! The graph check: what is wrong with the bindings, found without making anything.

use std::any::TypeId;
use std::collections::VecDeque;
use std::fmt;

use super::binding::Lifetime;
use super::dependencies::{Dependencies, Dependency, Need, Via, Want};
use super::graph::Edge;
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

/// The fields of groups on a way.
pub(super) fn labels(via: &[Via]) -> Vec<String> {
    via.iter().map(ToString::to_string).collect()
}

/// `` `SendWelcomeEmail.mail` (src/jobs.rs:12) ``
pub(super) fn field_label(consumer: &Consumer, field: &Dependency) -> String {
    format!("`{}.{}` ({}:{})", consumer.name, field.field, field.file, field.line)
}

fn missing(core: &Core, label: &str, consumer: TypeId, needs: &[Need], faults: &mut Vec<Fault>) {
    let context = core.context(consumer);
    for Need { key, want, via, .. } in needs {
        let has_gift = key.name.is_none() && context.is_some_and(|context| context.gift(key.type_id).is_some());
        if *want != Want::One || has_gift || core.locate(key.type_id, key.name, None).is_some() {
            continue;
        }
        let way = [&[label.to_owned()], labels(via).as_slice()].concat().join(" -> ");
        let mut text = format!("{way} needs {key}, which is not bound");
        for hint in near::misses(core, key) {
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
    while let Some((index, way)) = queue.pop_front() {
        let captured = |what: &str, via: &[Via], but: &str| {
            let through = [way.as_slice(), &labels(via)].concat();
            let through = if through.is_empty() { String::new() } else { format!(" through {}", through.join(", ")) };
            let holder = core.label(singleton);
            let name = short(core.bindings[singleton].definition.key.type_name);
            let text = format!(
                "singleton {holder} captures {what}{through}{but}\n  make `{name}` scoped, or hand the value over in the call that needs it"
            );
            Fault::new(Kind::Captive, text)
        };
        for need in core.bindings[index].definition.needs.iter().filter(|need| need.want == Want::RunValue) {
            faults.push(captured(&need.key.to_string(), &need.via, ", which exists only while a job runs"));
        }
        for edge in core.edges_of(index) {
            let next = core.root(edge.index);
            if next == singleton || std::mem::replace(&mut seen[next], true) {
                continue;
            }
            match core.bindings[next].lifetime {
                Lifetime::Instance | Lifetime::Singleton => {}
                Lifetime::Scoped => faults.push(captured(&format!("scoped {}", core.label(next)), edge.via, "")),
                Lifetime::Transient => {
                    queue.push_back((next, [way.as_slice(), &labels(edge.via), &[core.label(next)]].concat()));
                }
            }
        }
    }
}

/// Circles of constructors. From each binding down; a binding that is met again while it is on the way closes one.
fn cycles(core: &Core, faults: &mut Vec<Fault>) {
    let mut is_done = vec![false; core.bindings.len()];
    for index in 0..core.bindings.len() {
        let start = Edge { index, is_deferred: false, via: &[] };
        descend(core, start, &mut Vec::new(), &mut is_done, faults);
    }
}

fn descend<'a>(core: &'a Core, edge: Edge<'a>, way: &mut Vec<Edge<'a>>, is_done: &mut [bool], faults: &mut Vec<Fault>) {
    if let Some(start) = way.iter().position(|above| above.index == edge.index) {
        let mut hops = way[start..].to_vec();
        hops[0].via = edge.via;
        faults.push(cycle(core, hops));
        return;
    }
    if is_done[edge.index] {
        return;
    }
    way.push(edge);
    for next in core.edges_of(edge.index).into_iter().filter(|next| !next.is_deferred) {
        descend(core, next, way, is_done, faults);
    }
    way.pop();
    is_done[edge.index] = true;
}

fn cycle(core: &Core, mut hops: Vec<Edge<'_>>) -> Fault {
    // Faces are hops of no interest, and the earliest binding begins, so that one circle has one text.
    let is_face = |hop: &Edge<'_>| core.bindings[hop.index].base.index().is_some();
    let first = hops.iter().enumerate().filter(|(_, hop)| !is_face(hop)).min_by_key(|(_, hop)| hop.index).map_or(0, |(at, _)| at);
    hops.rotate_left(first);
    let mut steps = Vec::new();
    for (at, hop) in hops.iter().enumerate() {
        if at > 0 {
            steps.extend(labels(hop.via));
        }
        if !is_face(hop) {
            steps.push(core.label(hop.index));
        }
    }
    steps.extend(labels(hops[0].via));
    let circle = path::circle(&steps, &core.bindings[hops[0].index].definition.key);
    Fault::new(Kind::Cycle, format!("cycle: {circle}\n  break it with a `Lazy<..>` or `Provider<..>` argument"))
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
