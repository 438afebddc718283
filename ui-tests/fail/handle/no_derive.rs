use queue::prelude::*;

struct Purge;

impl Job for Purge {
    async fn handle(&self) -> JobResult {
        Ok(())
    }
}

fn main() {}
