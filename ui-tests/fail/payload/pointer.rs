use queue::prelude::*;

#[derive(Queueable)]
struct Welcome {
    at: *const u8,
}

impl Job for Welcome {
    async fn handle(&self) -> JobResult {
        Ok(())
    }
}

fn main() {}
