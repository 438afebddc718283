//! Names that were met in a store, each kept once.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

/// How many names are kept. A program has some hundred; more come from strangers.
const MOST: usize = 10_000;

#[derive(Debug, Default)]
pub(crate) struct Names {
    names: Mutex<HashSet<Arc<str>>>,
}

impl Names {
    /// The name, shared with all others like it.
    pub(crate) fn get(&self, name: &str) -> Arc<str> {
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

    /// Keeps a name; answers whether it was not known.
    pub(crate) fn is_new(&self, name: &Arc<str>) -> bool {
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        !names.contains(name) && (names.len() >= MOST || names.insert(Arc::clone(name)))
    }
}
