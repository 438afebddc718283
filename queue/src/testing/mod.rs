//! For tests: of drivers, by [`conformance`].

pub mod conformance;
