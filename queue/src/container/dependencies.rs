//! What an injectable type needs, as data: the edges of the graph.

use std::any::type_name;
use std::fmt;

use super::Service;
use super::key::{Key, short};

/// One injected field of a job or of a group, as the derive writes it down.
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
    /// The fields of groups that the next need is reached by, outermost first.
    via: Vec<Via>,
}

impl Dependencies {
    /// A value that the run gives, not the container, such as [`JobContext`](crate::JobContext).
    pub fn run_value<T: 'static>(&mut self) {
        self.push(Key::of::<T>(None), Want::RunValue, false);
    }

    /// What the fields of `G` need, a group of injectable types. The boot check then shows the field that something is needed by;
    /// `#[derive(FromContainer)]` writes the call.
    pub fn group<G: ?Sized>(&mut self, fields: &[Dependency]) {
        for field in fields {
            self.via.push(Via { group: type_name::<G>(), field: field.field, file: field.file, line: field.line });
            (field.needs)(self);
            self.via.pop();
        }
    }

    /// A service that must be bound.
    pub(super) fn one<T: ?Sized + Service>(&mut self, name: Option<&'static str>) {
        self.push(Key::of::<T>(name), Want::One, false);
    }

    /// A service that may be unbound.
    pub(super) fn optional<T: ?Sized + Service>(&mut self, name: Option<&'static str>) {
        self.push(Key::of::<T>(name), Want::Optional, false);
    }

    /// Every binding of a type.
    pub(super) fn all<T: ?Sized + Service>(&mut self) {
        self.push(Key::of::<T>(None), Want::All, false);
    }

    /// A service that must be bound, but is taken later: it closes no cycle.
    pub(super) fn deferred<T: ?Sized + Service>(&mut self, name: Option<&'static str>) {
        self.push(Key::of::<T>(name), Want::One, true);
    }

    fn push(&mut self, key: Key, want: Want, is_deferred: bool) {
        self.needs.push(Need { key, want, is_deferred, via: self.via.clone() });
    }

    pub(super) fn gather(needs: fn(&mut Self)) -> Vec<Need> {
        let mut gathered = Self::default();
        needs(&mut gathered);
        gathered.needs
    }
}

/// One edge of the graph.
#[derive(Debug, Clone)]
pub(super) struct Need {
    pub(super) key: Key,
    pub(super) want: Want,
    pub(super) is_deferred: bool,
    /// The fields of groups between the one who needs it and this, outermost first.
    pub(super) via: Vec<Via>,
}

/// A field of a group: `` `Services.mail` (src/jobs.rs:7) ``
#[derive(Debug, Clone, Copy)]
pub(super) struct Via {
    group: &'static str,
    field: &'static str,
    file: &'static str,
    line: u32,
}

impl fmt::Display for Via {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}.{}` ({}:{})", short(self.group), self.field, self.file, self.line)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Want {
    One,
    Optional,
    All,
    RunValue,
}
