use queue::prelude::*;

#[derive(Queueable)]
struct Purge;

impl BlockingJob for Purge {
    fn handle(&self) -> JobResult {
        Ok(())
    }
}

fn main() {}
