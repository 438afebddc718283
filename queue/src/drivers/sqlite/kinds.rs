//! The names of kinds that were fetched, each kept once.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

/// How many names are kept. A program has some hundred kinds; more come from strangers.
const MOST: usize = 10_000;

#[derive(Debug, Default)]
pub(super) struct Kinds {
    names: Mutex<HashSet<Arc<str>>>,
}

impl Kinds {
    /// The name, shared with all others of its kind.
    pub(super) fn get(&self, name: &str) -> Arc<str> {
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = names.get(name) {
            return Arc::clone(known);
        }
        let name = Arc::from(name);
        if names.len() < MOST {
            names.insert(Arc::clone(&name));
        }
        name
    }
}
