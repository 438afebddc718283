use queue::prelude::*;

#[derive(Queueable)]
struct Purge;

struct PurgeArgs;

impl Job for Purge {
    async fn handle(&self) -> JobResult {
        Ok(())
    }
}

fn main() {}
