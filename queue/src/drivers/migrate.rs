//! The optional part of a driver for its schema.

use super::BoxFuture;
use crate::error::Error;

/// The schema of a store.
pub trait Migrate: Send + Sync {
    /// Which version the store has, and which one this driver wants.
    fn schema(&self) -> BoxFuture<'_, Result<Schema, Error>>;

    /// Brings the store to the wanted version, under a lock, and answers what it has now. A newer store is left as it is.
    fn migrate(&self) -> BoxFuture<'_, Result<Schema, Error>>;

    /// The statements that lead from a version to the wanted one, for those who apply them by a tool of their own.
    fn sql(&self, from: u32) -> String;
}

/// The version of a store's schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Schema {
    /// What the store has; 0 for none.
    pub version: u32,
    /// What this driver wants.
    pub wanted: u32,
}

impl Schema {
    /// A store with this version, under a driver that wants that one.
    #[must_use]
    pub const fn new(version: u32, wanted: u32) -> Self {
        Self { version, wanted }
    }

    /// Whether they are the same.
    #[must_use]
    pub const fn is_current(self) -> bool {
        self.version == self.wanted
    }
}
