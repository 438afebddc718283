use queue::prelude::*;

#[derive(Queueable)]
struct Purge;

impl Job for Purge {
    fn handle(&self) -> JobResult {
        Ok(())
    }
}

fn main() {}
