//! The suite on the memory driver: one test a rule.

queue::conformance!(queue::drivers::Memory::with_clock);
