use queue::prelude::*;

#[derive(Queueable)]
struct Purge;

impl Job for Purge {
    async fn handle(&self, n: u8) -> JobResult {
        drop(n);
        Ok(())
    }
}

fn main() {}
