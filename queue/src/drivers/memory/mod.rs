//! Jobs in the memory of the process: the reference of the contract.

/// The memory driver.
#[derive(Debug)]
pub struct Memory;
