//! What an injectable type needs, as data: the edges of the graph.

use super::Service;
use super::key::Key;

/// One injected field of a job, as the derive writes it down.
#[derive(Debug, Clone, Copy)]
pub struct Dependency {
    /// The field's name.
    pub field: &'static str,
    /// The file of the field.
    pub file: &'static str,
    /// The line of the field.
    pub line: u32,
    /// What the field's type needs.
    pub needs: fn(&mut Dependencies),
}

/// What an injectable type needs, gathered for the boot check.
///
/// A type that is made of other injectable types asks those: `Arc::<Mailer>::dependencies(needs)`.
#[derive(Debug, Default)]
pub struct Dependencies {
    needs: Vec<Need>,
}

impl Dependencies {
    /// A value that the run gives, not the container, such as [`JobContext`](crate::JobContext).
    pub fn run_value<T: 'static>(&mut self) {
        self.needs.push(Need { key: Key::of::<T>(None), want: Want::RunValue, is_deferred: false });
    }

    /// A service that must be bound.
    pub(super) fn one<T: ?Sized + Service>(&mut self, name: Option<&'static str>) {
        self.needs.push(Need { key: Key::of::<T>(name), want: Want::One, is_deferred: false });
    }

    /// A service that may be unbound.
    pub(super) fn optional<T: ?Sized + Service>(&mut self, name: Option<&'static str>) {
        self.needs.push(Need { key: Key::of::<T>(name), want: Want::Optional, is_deferred: false });
    }

    /// Every binding of a type.
    pub(super) fn all<T: ?Sized + Service>(&mut self) {
        self.needs.push(Need { key: Key::of::<T>(None), want: Want::All, is_deferred: false });
    }

    /// A service that must be bound, but is taken later: it closes no cycle.
    pub(super) fn deferred<T: ?Sized + Service>(&mut self, name: Option<&'static str>) {
        self.needs.push(Need { key: Key::of::<T>(name), want: Want::One, is_deferred: true });
    }

    pub(super) fn gather(needs: fn(&mut Self)) -> Vec<Need> {
        let mut gathered = Self::default();
        needs(&mut gathered);
        gathered.needs
    }
}

/// One edge of the graph.
#[derive(Debug, Clone, Copy)]
pub(super) struct Need {
    pub(super) key: Key,
    pub(super) want: Want,
    pub(super) is_deferred: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Want {
    One,
    Optional,
    All,
    RunValue,
}
