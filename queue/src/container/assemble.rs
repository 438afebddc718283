//! From what the builder wrote down to the index; and what a child takes over from its parent.

use std::any::TypeId;
use std::collections::HashMap;
use std::panic::Location;
use std::sync::{Arc, Mutex, OnceLock};

use super::Container;
use super::binding::{Base, Binding, Definition, Lifetime, Owner, Wrap};
use super::builder::Hook;
use super::builds::Builds;
use super::failures::Failures;
use super::key::Key;
use super::lifecycle::Lifecycle;
use super::resolve::{Context, Core, Found, Gift, GiftSource};
use crate::clock::Clock;

/// What the builder wrote down.
#[derive(Default)]
pub(super) struct Plan {
    pub(super) parent: Option<Container>,
    pub(super) drafts: Vec<Draft>,
    pub(super) wrappings: Vec<Wrapping>,
    pub(super) gifts: Vec<GiftDraft>,
    pub(super) hooks: Vec<Hook>,
    pub(super) is_strict: bool,
    pub(super) clock: Option<Clock>,
}

/// A binding; `base` counts within the plan.
pub(super) struct Draft {
    pub(super) definition: Definition,
    pub(super) base: Option<usize>,
}

/// A decorator of every binding of `key`'s type.
pub(super) struct Wrapping {
    pub(super) key: Key,
    pub(super) wrap: Wrap,
}

/// A contextual binding.
pub(super) struct GiftDraft {
    pub(super) consumer: Key,
    pub(super) key: Key,
    pub(super) place: &'static Location<'static>,
    pub(super) source: GiftSource<Draft>,
}

impl Plan {
    /// The last binding that is not just another face.
    pub(super) fn last_base(&self) -> Option<(usize, &Definition)> {
        let index = self.drafts.iter().rposition(|draft| draft.base.is_none())?;
        Some((index, &self.drafts[index].definition))
    }

    pub(super) fn is_last_primary(&self) -> bool {
        self.drafts.last().is_some_and(|draft| draft.definition.is_primary)
    }
}

pub(super) fn assemble(plan: Plan) -> Arc<Core> {
    let Plan { parent, drafts, wrappings, gifts, hooks, is_strict, clock } = plan;
    let parent = parent.map(|parent| parent.core);
    let clock = clock.or_else(|| parent.as_ref().map(|parent| parent.failures.clock.clone())).unwrap_or_else(Clock::system);
    let mut core = Core {
        failures: Failures::new(clock),
        level: parent.as_ref().map_or(0, |parent| parent.level + 1),
        is_strict,
        bindings: Vec::new(),
        rows: HashMap::default(),
        contexts: HashMap::default(),
        hooks: Vec::new(),
        scoped: 0,
        builds: Builds::default(),
        built: Mutex::default(),
        lifecycle: parent.as_ref().map_or_else(Lifecycle::default, |parent| Lifecycle::of_child(&parent.lifecycle)),
    };
    if let Some(parent) = &parent {
        core.inherit(parent, &drafts);
    }
    let own = core.bindings.len();
    for Draft { definition, base } in drafts {
        core.add(definition, base.map(|base| own + base));
    }
    core.repoint();
    let consumers: Vec<TypeId> = gifts.iter().map(|gift| gift.consumer.type_id).collect();
    core.add_gifts(gifts);
    for wrapping in &wrappings {
        for binding in core.bindings.iter_mut().filter(|binding| binding.definition.key.type_id == wrapping.key.type_id) {
            binding.wraps.push(Arc::clone(&wrapping.wrap));
        }
    }
    core.index();
    core.own_what_differs(&wrappings, &consumers);
    core.hooks.extend(hooks);
    // Ready values are there from the start, so they are the last to be shut down.
    let ready = |binding: &&Binding| binding.lifetime == Lifetime::Instance && binding.level == core.level;
    let ready = core.bindings.iter().enumerate().filter(|(_, binding)| ready(binding) && binding.base.index().is_none());
    core.built = Mutex::new(ready.map(|(index, _)| index).collect());
    for binding in core.bindings.iter_mut().filter(|binding| binding.lifetime == Lifetime::Scoped) {
        binding.scoped = Some(core.scoped);
        core.scoped += 1;
    }
    Arc::new(core)
}

/// How the bindings come together.
impl Core {
    fn add(&mut self, definition: Definition, base: Option<usize>) -> usize {
        self.bindings.push(Binding {
            lifetime: definition.lifetime,
            definition: Arc::new(definition),
            cell: Arc::new(OnceLock::new()),
            base: base.map_or(Base::Itself, Base::Index),
            wraps: Vec::new(),
            scoped: None,
            owner: None,
            level: self.level,
        });
        self.bindings.len() - 1
    }

    /// Takes over the parent's bindings that no draft shadows.
    fn inherit(&mut self, parent: &Arc<Self>, drafts: &[Draft]) {
        let is_shadowed = |binding: &Binding| {
            let definition = &binding.definition;
            !definition.is_contextual && drafts.iter().any(|draft| draft.definition.key == definition.key)
        };
        let mut moved = vec![None; parent.bindings.len()];
        for (index, binding) in parent.bindings.iter().enumerate().filter(|(_, binding)| !is_shadowed(binding)) {
            moved[index] = Some(self.bindings.len());
            let owner = binding.owner.clone().unwrap_or_else(|| Owner { core: Arc::clone(parent), index });
            let owner = binding.lifetime.is_shared().then_some(owner);
            self.bindings.push(Binding { owner, scoped: None, ..binding.clone() });
        }
        for binding in &mut self.bindings {
            if let Base::Index(base) = binding.base {
                binding.base = moved[base].map_or_else(|| Base::Shadowed(parent.bindings[base].definition.key), Base::Index);
            }
        }
        self.contexts = parent.contexts.clone();
        for gift in self.contexts.values_mut().flat_map(|context| &mut context.gifts) {
            if let GiftSource::Binding(index) = &mut gift.source {
                // What a contextual binding gives is never shadowed, so it has moved somewhere.
                *index = moved[*index].unwrap_or(*index);
            }
        }
        self.hooks.clone_from(&parent.hooks);
    }

    /// What the parent exposed of a service that the child has bound anew shows the child's from now on: a test that
    /// replaces `Smtp` must not mail through `dyn Mailer`.
    fn repoint(&mut self) {
        for index in 0..self.bindings.len() {
            let Base::Shadowed(key) = self.bindings[index].base else { continue };
            let heir = self.bindings.iter().rposition(|binding| binding.level == self.level && binding.definition.key == key);
            let Some(heir) = heir else { continue };
            let lifetime = self.bindings[heir].lifetime;
            let binding = &mut self.bindings[index];
            (binding.base, binding.lifetime) = (Base::Index(heir), lifetime);
            binding.renew();
        }
    }

    fn add_gifts(&mut self, gifts: Vec<GiftDraft>) {
        for GiftDraft { consumer, key, place, source } in gifts {
            let source = match source {
                GiftSource::Binding(draft) => GiftSource::Binding(self.add(draft.definition, None)),
                GiftSource::Named(name) => GiftSource::Named(name),
            };
            let context = self.contexts.entry(consumer.type_id).or_insert_with(|| Context { consumer, gifts: Vec::new() });
            // The last one wins, as with bindings, and a child's is the last.
            context.gifts.retain(|gift| gift.key.type_id != key.type_id);
            context.gifts.push(Gift { key, place, source });
        }
    }

    fn index(&mut self) {
        for (index, binding) in self.bindings.iter().enumerate().filter(|(_, binding)| !binding.definition.is_contextual) {
            self.rows.entry(binding.definition.key.type_id).or_default().all.push(index);
        }
        let (bindings, is_strict) = (&self.bindings, self.is_strict);
        for row in self.rows.values_mut() {
            let named = |name: Option<&'static str>| {
                let of_name = row.all.iter().copied().filter(|index| bindings[*index].definition.key.name == name);
                choose(bindings, of_name.collect(), is_strict)
            };
            let names = row.all.iter().filter_map(|index| bindings[*index].definition.key.name);
            row.named = names.filter_map(|name| named(Some(name)).map(|found| (name, found))).collect();
            row.named.dedup_by_key(|(name, _)| *name);
            let answers = row.all.iter().copied().filter(|index| {
                let definition = &bindings[*index].definition;
                definition.key.name.is_none() || definition.is_primary
            });
            row.unnamed = choose(bindings, answers.collect(), is_strict);
        }
    }

    /// A singleton of the parent whose graph touches something that the child has bound or decorated is the child's own, made
    /// anew; the others are the parent's, built or not.
    fn own_what_differs(&mut self, wrappings: &[Wrapping], consumers: &[TypeId]) {
        let mut differs: Vec<bool> = self.bindings.iter().map(|binding| self.differs(binding, wrappings, consumers)).collect();
        loop {
            let reached = |index: usize| self.edges_of(index).iter().any(|edge| differs[edge.index]);
            let Some(next) = (0..differs.len()).find(|index| !differs[*index] && reached(*index)) else { break };
            differs[next] = true;
        }
        for (binding, _) in self.bindings.iter_mut().zip(differs).filter(|(binding, differs)| *differs && binding.owner.is_some())
        {
            binding.renew();
        }
    }

    fn differs(&self, binding: &Binding, wrappings: &[Wrapping], consumers: &[TypeId]) -> bool {
        let type_id = binding.definition.key.type_id;
        binding.level == self.level
            || wrappings.iter().any(|wrapping| wrapping.key.type_id == type_id)
            || (binding.lifetime != Lifetime::Instance && consumers.contains(&type_id))
    }
}

/// Which one of several answers: the child's before the parent's, then the primary, then the last.
fn choose(bindings: &[Binding], several: Vec<usize>, is_strict: bool) -> Option<Found> {
    let level = several.iter().map(|index| bindings[*index].level).max()?;
    let nearest: Vec<usize> = several.into_iter().filter(|index| bindings[*index].level == level).collect();
    if let Some(primary) = nearest.iter().rfind(|index| bindings[**index].definition.is_primary) {
        return Some(Found::One(*primary));
    }
    let last = *nearest.last()?;
    Some(if is_strict && nearest.len() > 1 { Found::Ambiguous(last) } else { Found::One(last) })
}
