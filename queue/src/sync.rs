//! The locks and atomics of what is modelled: `tests/models` compiles the same files with those of a model checker.

pub(crate) use std::sync::atomic::{AtomicBool, AtomicU64};
pub(crate) use std::sync::{Mutex, MutexGuard};
