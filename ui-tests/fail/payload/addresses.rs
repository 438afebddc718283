use queue::prelude::*;

#[derive(Queueable)]
struct Pointer {
    at: *const u8,
}

#[derive(Queueable)]
struct Function {
    then: fn(u8) -> u8,
}

impl Job for Function { async fn handle(&self) -> JobResult { Ok(()) } }

fn main() {}
