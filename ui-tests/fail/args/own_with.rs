use queue::prelude::*;

#[derive(Queueable)]
struct Purge;

impl Purge {
    fn with() {}
}

impl Job for Purge {
    async fn handle(&self) -> JobResult {
        Ok(())
    }
}

fn main() {}
