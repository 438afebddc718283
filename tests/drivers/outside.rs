//! The suite on a driver from outside: one test a rule.

#[path = "outside/mod.rs"]
mod driver;

queue::conformance!(driver::OutsideStore::new());
