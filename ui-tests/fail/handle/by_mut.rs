use queue::prelude::*;

#[derive(Queueable)]
struct Purge;

impl Job for Purge {
    async fn handle(&mut self) -> JobResult {
        Ok(())
    }
}

fn main() {}
