//! The way from a key to a value.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};

use super::binding::{Binding, Erased, Lifetime, MakeError, Maker, open};
use super::builder::Hook;
use super::builds::{Builds, Claim};
use super::error::Kind;
use super::failures::Failures;
use super::key::{ByTypeId, Key, place};
use super::lifecycle::Lifecycle;
use super::path::{self, Entered, Frame};
use super::scope::{Run, Scope};
use super::{ResolveError, Service, near};
use crate::error::BoxError;

/// What a container is: its bindings and the index over them, immutable but for the cells.
pub(super) struct Core {
    /// How many ancestors it has.
    pub(super) level: usize,
    pub(super) bindings: Vec<Binding>,
    pub(super) rows: HashMap<TypeId, Row, ByTypeId>,
    pub(super) contexts: HashMap<TypeId, Context, ByTypeId>,
    pub(super) hooks: Vec<Hook>,
    pub(super) is_strict: bool,
    /// How many scoped bindings there are: the cells of a run.
    pub(super) scoped: usize,
    pub(super) builds: Builds,
    /// The singletons of this container in the order they were finished.
    pub(super) built: Mutex<Vec<usize>>,
    pub(super) lifecycle: Lifecycle,
    pub(super) failures: Failures,
}

/// The bindings of one type.
#[derive(Debug, Default)]
pub(super) struct Row {
    pub(super) unnamed: Option<Found>,
    pub(super) named: Vec<(&'static str, Found)>,
    /// All of them, in the order they were written.
    pub(super) all: Vec<usize>,
}

/// The answer of the index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    One(usize),
    /// Several in a strict container, one of them this.
    Ambiguous(usize),
}

impl Found {
    pub(super) fn index(self) -> usize {
        match self {
            Self::One(index) | Self::Ambiguous(index) => index,
        }
    }
}

/// The contextual bindings of one consumer.
#[derive(Debug, Clone)]
pub(super) struct Context {
    pub(super) consumer: Key,
    pub(super) gifts: Vec<Gift>,
}

/// What one consumer gets when it asks for `key`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Gift {
    pub(super) key: Key,
    pub(super) place: &'static Location<'static>,
    pub(super) source: GiftSource<usize>,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum GiftSource<B> {
    Binding(B),
    Named(&'static str),
}

impl Context {
    pub(super) fn gift(&self, type_id: TypeId) -> Option<&Gift> {
        self.gifts.iter().find(|gift| gift.key.type_id == type_id)
    }
}

/// A value that is kept somewhere, or one that was made for this call.
enum Given<'a> {
    Kept(&'a Erased),
    Made(Erased),
}

impl Core {
    pub(super) fn context(&self, consumer: TypeId) -> Option<&Context> {
        if self.contexts.is_empty() { None } else { self.contexts.get(&consumer) }
    }

    pub(super) fn locate(&self, type_id: TypeId, name: Option<&str>, context: Option<&Context>) -> Option<Found> {
        let mut name = name;
        if let (Some(context), None) = (context, name) {
            match context.gift(type_id).map(|gift| gift.source) {
                Some(GiftSource::Binding(index)) => return Some(Found::One(index)),
                Some(GiftSource::Named(given)) => name = Some(given),
                None => {}
            }
        }
        let row = self.rows.get(&type_id)?;
        match name {
            None => row.unnamed,
            Some(name) => row.named.iter().find(|(known, _)| *known == name).map(|(_, found)| *found),
        }
    }

    pub(super) fn all(&self, type_id: TypeId) -> &[usize] {
        self.rows.get(&type_id).map_or(&[], |row| &row.all)
    }

    pub(super) fn value<T: ?Sized + Service>(self: &Arc<Self>, found: Found, scope: &Scope<'_>) -> Result<Arc<T>, ResolveError> {
        match found {
            Found::One(index) => self.value_at(index, scope),
            Found::Ambiguous(index) => Err(self.ambiguous(index)),
        }
    }

    pub(super) fn value_at<T: ?Sized + Service>(
        self: &Arc<Self>,
        index: usize,
        scope: &Scope<'_>,
    ) -> Result<Arc<T>, ResolveError> {
        let kept = match self.bindings[index].cell.get() {
            Some(value) => return Ok(open(value)),
            None => self.obtain(index, scope)?,
        };
        Ok(match &kept {
            Given::Kept(value) => open(value),
            Given::Made(value) => open(value),
        })
    }

    /// The value of a binding that is not simply there.
    #[cold]
    fn obtain<'a>(self: &'a Arc<Self>, index: usize, scope: &'a Scope<'_>) -> Result<Given<'a>, ResolveError> {
        let binding = &self.bindings[index];
        match (binding.lifetime, binding.scoped) {
            (Lifetime::Instance | Lifetime::Singleton, _) => self.singleton(index).map(Given::Kept),
            (Lifetime::Scoped, Some(cell)) => {
                let Some(state) = scope.run.state() else {
                    return Err(scope.outside(&format!("scoped {}", self.label(index))));
                };
                match state.obtain(cell, || self.make(index, scope)) {
                    Some(value) => value.map(Given::Kept),
                    None => Err(self.cycle(index)),
                }
            }
            (Lifetime::Scoped, None) | (Lifetime::Transient, _) => self.make(index, scope).map(Given::Made),
        }
    }

    /// The value of an instance or a singleton, made now if nobody has made it yet.
    pub(super) fn singleton(self: &Arc<Self>, index: usize) -> Result<&Erased, ResolveError> {
        let binding = &self.bindings[index];
        if let Some(owner) = &binding.owner {
            owner.core.singleton(owner.index)?;
        }
        if let Some(value) = binding.cell.get() {
            return Ok(value);
        }
        match self.builds.claim(index, || binding.cell.get().is_some()) {
            Claim::Cycle => Err(self.cycle(index)),
            Claim::Made => binding.cell.get().ok_or_else(|| self.unbuilt(index)),
            Claim::Mine(_claimed) => {
                if let Some(why) = self.failures.resting(index) {
                    let message = format!("the constructor of {} {why}", self.label(index));
                    return Err(ResolveError::of(Kind::Constructor, message, None));
                }
                let value = self.make(index, &Scope::new(self, Run::Outside, None))?;
                Ok(self.keep(index, value))
            }
        }
    }

    /// Stores a singleton's value and notes when it was finished.
    pub(super) fn keep(&self, index: usize, value: Erased) -> &Erased {
        let binding = &self.bindings[index];
        if binding.lifetime == Lifetime::Singleton && binding.base.index().is_none() {
            self.built.lock().unwrap_or_else(PoisonError::into_inner).push(index);
        }
        binding.cell.get_or_init(|| value)
    }

    /// Runs a constructor, with the run that `scope` belongs to.
    fn make(self: &Arc<Self>, index: usize, scope: &Scope<'_>) -> Result<Erased, ResolveError> {
        let binding = &self.bindings[index];
        let value = match (&binding.definition.maker, binding.base.index()) {
            (Maker::Call(make), _) => {
                // Its own frame is gone when its error is made: a constructor does not need itself.
                let made = {
                    let _entered = self.enter(index)?;
                    let inner = Scope::new(self, scope.run, Some(binding.definition.key.type_id));
                    catch_unwind(AssertUnwindSafe(|| make(&inner)))
                };
                match made {
                    Ok(Ok(value)) => value,
                    Ok(Err(MakeError::Argument(error))) => return Err(error),
                    Ok(Err(MakeError::Failed(error))) => return Err(self.noted(index, self.failed(index, error))),
                    Err(panic) => return Err(self.noted(index, self.panicked(index, panic.as_ref()))),
                }
            }
            (Maker::Expose(cast), Some(base)) => match self.bindings[base].cell.get() {
                Some(value) => cast(value),
                None => match self.obtain(base, scope)? {
                    Given::Kept(value) => self.caught(index, || cast(value))?,
                    Given::Made(value) => self.caught(index, || cast(&value))?,
                },
            },
            (Maker::Expose(_), None) | (Maker::Await(_), _) => return Err(self.unbuilt(index)),
        };
        self.wrapped(index, value)
    }

    /// Remembers a singleton's own failure, not that of what it needs.
    fn noted(&self, index: usize, error: ResolveError) -> ResolveError {
        if self.bindings[index].lifetime == Lifetime::Singleton {
            self.failures.failed(index, error.cause());
        }
        error
    }

    /// The value with its decorators around it.
    pub(super) fn wrapped(&self, index: usize, value: Erased) -> Result<Erased, ResolveError> {
        self.bindings[index].wraps.iter().try_fold(value, |value, wrap| self.caught(index, || wrap(value)))
    }

    pub(super) fn enter(self: &Arc<Self>, index: usize) -> Result<Entered, ResolveError> {
        path::enter(self.frame(index)).ok_or_else(|| self.cycle(index))
    }

    fn frame(self: &Arc<Self>, index: usize) -> Frame {
        let definition = &self.bindings[index].definition;
        Frame { core: Arc::as_ptr(self).addr(), index, key: definition.key, place: definition.place }
    }

    /// Runs the user's code: its panic is an error of the one who asked, and the value can be tried again.
    fn caught<R>(&self, index: usize, run: impl FnOnce() -> R) -> Result<R, ResolveError> {
        catch_unwind(AssertUnwindSafe(run)).map_err(|panic| self.panicked(index, panic.as_ref()))
    }
}

/// The errors of a lookup.
impl Core {
    /// `` `Smtp` (src/main.rs:7) ``
    pub(super) fn label(&self, index: usize) -> String {
        let definition = &self.bindings[index].definition;
        format!("{} ({})", definition.key, place(definition.place))
    }

    pub(super) fn missing(&self, key: &Key) -> ResolveError {
        let hints = near::misses(self, key);
        let help = if hints.is_empty() { None } else { Some(hints.join("; ")) };
        ResolveError::of(Kind::Graph, format!("{key} is not bound"), help)
    }

    pub(super) fn failed(&self, index: usize, error: BoxError) -> ResolveError {
        ResolveError::of(Kind::Constructor, format!("the constructor of {} failed", self.label(index)), None).with_source(error)
    }

    pub(super) fn panicked(&self, index: usize, panic: &(dyn Any + Send)) -> ResolveError {
        let text = panic
            .downcast_ref::<&str>()
            .copied()
            .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
            .unwrap_or("no message");
        ResolveError::of(Kind::Constructor, format!("the constructor of {} panicked: {text}", self.label(index)), None)
    }

    fn unbuilt(&self, index: usize) -> ResolveError {
        let message = format!("{} is made by an async constructor, which has not run", self.label(index));
        let help = "`Worker::start` runs it, or `container.start(..)`".to_owned();
        ResolveError::of(Kind::Graph, message, Some(help))
    }

    /// This thread asked for `index` while it was building it, or another thread that it would have to wait for was.
    fn cycle(self: &Arc<Self>, index: usize) -> ResolveError {
        let core = Arc::as_ptr(self).addr();
        let base = self.root(index);
        let frames = path::current();
        let start = frames.iter().position(|frame| frame.core == core && frame.index == base);
        let hops = &frames[start.unwrap_or(0)..];
        let mut steps: Vec<String> = hops.iter().map(|hop| format!("{} ({})", hop.key, place(hop.place))).collect();
        let own = &self.bindings[base].definition.key;
        if start.is_none() {
            // The other half of the circle is being built by another thread.
            steps.push(self.label(base));
        }
        let circle = path::circle(&steps, hops.first().map_or(own, |first| &first.key));
        let help = "break it with a `Lazy<..>` or `Provider<..>` argument".to_owned();
        ResolveError::of_cycle(format!("the services need each other: {circle}"), help)
    }

    fn ambiguous(&self, index: usize) -> ResolveError {
        let key = self.bindings[index].definition.key;
        ResolveError::of(Kind::Graph, super::duplicates::text(self, &key), None)
    }
}
