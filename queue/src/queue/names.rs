//! Shared copies of the names that a thread pushes, so that few pushes copy one.

use std::cell::RefCell;
use std::sync::Arc;

/// How many names that live only for a push a thread remembers.
const RECENT: usize = 16;

/// A shared copy of a name that lives as long as the program, made once a thread.
pub(super) fn of_program(name: &'static str) -> Arc<str> {
    thread_local! {
        static NAMES: RefCell<Vec<(&'static str, Arc<str>)>> = const { RefCell::new(Vec::new()) };
    }
    NAMES
        .try_with(|names| {
            let mut names = names.borrow_mut();
            // A program has few kinds and a thread pushes fewer, so a list that is compared by address is fastest.
            if let Some((_, shared)) = names.iter().find(|(known, _)| std::ptr::eq(*known, name)) {
                return Arc::clone(shared);
            }
            let shared: Arc<str> = Arc::from(name);
            names.push((name, Arc::clone(&shared)));
            shared
        })
        .unwrap_or_else(|_| Arc::from(name))
}

/// A shared copy of any other name: the one of an earlier push of this thread, if it is among the last few.
pub(super) fn of_push(name: &str) -> Arc<str> {
    thread_local! {
        static RING: RefCell<Ring> = const { RefCell::new(Ring { names: Vec::new(), next: 0 }) };
    }
    RING.try_with(|ring| ring.borrow_mut().shared(name)).unwrap_or_else(|_| Arc::from(name))
}

/// The last few names. A program may have a queue for each of its users, so it does not grow.
struct Ring {
    names: Vec<Arc<str>>,
    next: usize,
}

impl Ring {
    fn shared(&mut self, name: &str) -> Arc<str> {
        if let Some(known) = self.names.iter().find(|known| ***known == *name) {
            return Arc::clone(known);
        }
        let shared: Arc<str> = Arc::from(name);
        if self.names.len() < RECENT {
            self.names.push(Arc::clone(&shared));
        } else {
            self.names[self.next] = Arc::clone(&shared);
            self.next = (self.next + 1) % RECENT;
        }
        shared
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_copied_once() {
        let (one, other) = ("one".to_owned(), "one".to_owned());
        assert!(Arc::ptr_eq(&of_push(&one), &of_push(&other)));
        assert!(Arc::ptr_eq(&of_program("kind"), &of_program("kind")));
    }

    #[test]
    fn only_the_last_few_are_remembered() {
        let mut ring = Ring { names: Vec::new(), next: 0 };
        let first = ring.shared("0");
        for name in 1..RECENT {
            ring.shared(&name.to_string());
        }
        assert!(Arc::ptr_eq(&first, &ring.shared("0")));
        let last = ring.shared("another");
        assert_eq!(ring.names.len(), RECENT);
        assert!(!Arc::ptr_eq(&first, &ring.shared("0")) && Arc::ptr_eq(&last, &ring.shared("another")));
        assert_eq!(ring.names.len(), RECENT);
    }
}
