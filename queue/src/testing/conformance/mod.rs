//! The suite that every driver must pass: one test a rule, named by the rule.
//!
//! One line in a test of the driver's crate makes one `#[test]` of each rule, here of the memory driver:
//!
//! ```
//! use queue::drivers::Memory;
//!
//! queue::conformance!(Memory::with_clock);
//! # fn main() {}
//! ```
//!
//! What is given is a [`Store`]: a function from a [`Clock`] to a driver is one already; a driver that connects, that has several
//! handles on one store or that knows transactions implements the trait. Each rule runs on a store of its own, in a runtime of its own, and
//! under a deadline, so that a driver that hangs fails the rule instead of stopping the run.
//!
//! The core must be passed by all. A rule that needs what [`capabilities`](Driver::capabilities) says the driver cannot do is skipped, and
//! a line on the standard error says so. Nothing waits for time to pass: the suite moves the clock that it opened the driver
//! with, and waits for events.
//!
//! Rules can be called by hand as well, which is how this suite is itself tested: see [`rule`] and [`Rule::check`].
//! `docs/writing-a-driver.md` goes through it step by step.

mod index;
mod rules;
mod store;
mod subject;

mod cancel;
mod claim;
mod claim_ended;
mod close;
mod content;
mod count;
mod counts;
mod durable;
mod exchange;
mod fetch;
mod filter;
mod lease;
mod list;
mod many;
mod order;
mod pause;
mod prune;
mod push;
mod rescue;
mod retry;
mod schedule;
mod settle;
mod shared;
mod tell;
mod tick;
mod together;
mod transaction;
mod unique;
mod unsupported;
mod wake;
mod workers;

#[cfg(doc)]
use crate::{Clock, drivers::Driver};

pub use rules::{Broken, Checked, Rule, all, check, rule};
pub use store::{OpenTransaction, Store};

/// Why a rule does not apply to a driver.
#[derive(Debug)]
struct Skip(String);

/// What a rule answers; a broken one panics.
type Verdict = Result<(), Skip>;
