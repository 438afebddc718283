//! The binary `craft`, on packages in folders of their own.

#![expect(clippy::unwrap_used, reason = "a test says what it expects by failing")]

mod forward;
mod generated;
mod init;
mod job;
mod package;
