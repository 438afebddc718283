use queue::prelude::*;

#[derive(Queueable)]
struct Greet {
    name: &str,
}

impl Job for Greet {
    async fn handle(&self) -> JobResult {
        Ok(())
    }
}

fn main() {}
