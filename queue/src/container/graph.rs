//! The edges between bindings, and the graph as text.

use std::any::TypeId;
use std::fmt;
use std::fmt::Write as _;
use std::sync::Arc;

use super::dependencies::{Need, Via, Want};
use super::key::{place, short};
use super::resolve::{Core, Found};

/// A binding that another one, or a job, needs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Edge<'a> {
    pub(super) index: usize,
    pub(super) is_deferred: bool,
    /// The fields of groups on the way.
    pub(super) via: &'a [Via],
}

impl Core {
    /// The binding that a face leads to in the end.
    pub(super) fn root(&self, mut index: usize) -> usize {
        while let Some(base) = self.bindings[index].base.index() {
            index = base;
        }
        index
    }

    /// What a binding needs: its base, or its constructor's arguments.
    pub(super) fn edges_of(&self, index: usize) -> Vec<Edge<'_>> {
        let binding = &self.bindings[index];
        let mut edges = self.edges(Some(binding.definition.key.type_id), &binding.definition.needs);
        edges.extend(binding.base.index().map(|index| Edge { index, is_deferred: false, via: &[] }));
        edges
    }

    /// What `needs` lead to when `consumer` asks; what is not bound leads nowhere.
    pub(super) fn edges<'a>(&self, consumer: Option<TypeId>, needs: &'a [Need]) -> Vec<Edge<'a>> {
        let context = consumer.and_then(|consumer| self.context(consumer));
        let mut edges = Vec::new();
        for Need { key, want, is_deferred, via } in needs {
            let edge = |index| Edge { index, is_deferred: *is_deferred, via };
            match want {
                Want::One | Want::Optional => {
                    edges.extend(self.locate(key.type_id, key.name, context).map(Found::index).map(edge));
                }
                Want::All => edges.extend(self.all(key.type_id).iter().copied().map(edge)),
                Want::RunValue => {}
            }
        }
        edges
    }
}

/// The bindings of a container and what each needs, for people: `println!("{}", container.graph())`.
///
/// A line is a binding, with its lifetime and place; what it needs is indented beneath it. What was shown before ends in `…`,
/// what is not bound says so.
///
/// ```
/// use std::sync::Arc;
/// use queue::Container;
///
/// struct Config;
/// struct Smtp;
///
/// let container = Container::builder().singleton(|| Config).singleton(|_: Arc<Config>| Smtp).build();
/// assert!(container.graph().to_string().starts_with("singleton `Smtp` ("));
/// ```
#[derive(Clone)]
pub struct Graph {
    core: Arc<Core>,
}

impl Graph {
    pub(super) fn new(core: Arc<Core>) -> Self {
        Self { core }
    }

    /// The same for Graphviz. Dashed is what is taken later, by `Lazy` and `Provider`.
    #[must_use]
    pub fn to_dot(&self) -> String {
        let mut text = String::from("digraph container {\n");
        for index in 0..self.core.bindings.len() {
            let label = self.line(index).replace('\\', "\\\\").replace('"', "\\\"");
            let _ = writeln!(text, "  b{index} [label=\"{label}\"];");
            for edge in self.core.edges_of(index) {
                let style = if edge.is_deferred { " [style=dashed]" } else { "" };
                let _ = writeln!(text, "  b{index} -> b{}{style};", edge.index);
            }
        }
        text.push_str("}\n");
        text
    }

    fn line(&self, index: usize) -> String {
        let binding = &self.core.bindings[index];
        let key = binding.definition.key;
        let mut text = format!("{} {key} ({})", binding.lifetime, place(binding.definition.place));
        if binding.definition.is_primary {
            text.push_str(", primary");
        }
        let consumers = self.core.contexts.values().filter(|context| {
            context.gifts.iter().any(|gift| matches!(gift.source, super::resolve::GiftSource::Binding(given) if given == index))
        });
        for context in consumers {
            let _ = write!(text, ", for `{}`", short(context.consumer.type_name));
        }
        text
    }

    fn tree(&self, f: &mut fmt::Formatter<'_>, index: usize, indent: usize, shown: &mut [bool]) -> fmt::Result {
        let needs = &self.core.bindings[index].definition.needs;
        let has_more = !needs.is_empty() || self.core.bindings[index].base.index().is_some();
        let again = if shown[index] && has_more { " …" } else { "" };
        writeln!(f, "{:indent$}{}{again}", "", self.line(index))?;
        if shown[index] {
            return Ok(());
        }
        shown[index] = true;
        for edge in self.core.edges_of(index) {
            self.tree(f, edge.index, indent + 2, shown)?;
        }
        let consumer = self.core.bindings[index].definition.key.type_id;
        for need in needs {
            let text = match need.want {
                Want::RunValue => "given by the run",
                Want::Optional => "not bound, optional",
                Want::All => "none bound",
                Want::One => "not bound",
            };
            if self.core.edges(Some(consumer), std::slice::from_ref(need)).is_empty() {
                writeln!(f, "{:width$}{} ({text})", "", need.key, width = indent + 2)?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Graph {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.core.bindings.len();
        let mut is_needed = vec![false; count];
        for index in 0..count {
            for edge in self.core.edges_of(index) {
                is_needed[edge.index] = true;
            }
        }
        let mut shown = vec![false; count];
        // Those that nothing needs first; then what only a circle reaches.
        for index in (0..count).filter(|index| !is_needed[*index]) {
            self.tree(f, index, 0, &mut shown)?;
        }
        for index in 0..count {
            if !shown[index] {
                self.tree(f, index, 0, &mut shown)?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Graph {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
