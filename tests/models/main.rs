//! Models of the worker's shared state: `loom` runs small scenarios in every order that three preemptions can make.
//!
//! What is modelled is the code itself: the first modules are files of the worker, compiled with loom's locks and atomics.
//! Each model has a control beside it, which uses the same code in a wrong way and shows that the model can fail.

#![expect(clippy::unwrap_used, reason = "a model says what it expects by failing")]

#[expect(dead_code, reason = "the models need a part of it")]
#[path = "../../queue/src/worker/gather.rs"]
mod gather;
#[path = "../../queue/src/worker/idle.rs"]
mod idle;
#[expect(dead_code, reason = "the models need a part of it")]
#[path = "../../queue/src/worker/lane.rs"]
mod lane;
#[expect(dead_code, reason = "the models need a part of it")]
#[path = "../../queue/src/worker/ready.rs"]
mod ready;
#[path = "../../queue/src/worker/turn.rs"]
mod turn;

mod dry;
mod limit;
mod pause;
mod rounds;
mod settle;
mod stage;
mod still;
mod stop;
mod wake_up;

// What the files of the worker take from their crate: all but the locks is the crate's own.
use queue::{drivers, job};

/// The names of `queue/src/sync.rs`, from the model checker.
mod sync {
    pub(crate) use loom::sync::atomic::{AtomicBool, AtomicU64};
    pub(crate) use loom::sync::{Mutex, MutexGuard};
}
