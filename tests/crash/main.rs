//! The crash suite: real processes on one store are killed, frozen and starved, and a ledger that they kept outside of it is held
//! against what the store says in the end.

#![expect(clippy::unwrap_used, reason = "a test says what it expects by failing")]

mod checker;
mod checker_tests;
mod crowd;
mod disk;
mod dump;
mod files;
mod frozen;
mod history;
mod kills;
mod levels;
mod locked;
mod process;
mod server;
mod site;
mod stops;
mod syscalls;
