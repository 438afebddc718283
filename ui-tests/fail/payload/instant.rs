use queue::prelude::*;

#[derive(Queueable)]
struct Welcome {
    at: std::time::Instant,
}

impl Job for Welcome {
    async fn handle(&self) -> JobResult {
        Ok(())
    }
}

fn main() {}
