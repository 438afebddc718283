use queue::prelude::*;

#[derive(Queueable)]
#[queueable(crate = ::elsewhere::queue)]
struct Purge {
    before: u64,
}

impl Job for Purge {
    async fn handle(&self) -> JobResult {
        Ok(())
    }
}

fn main() {}
