use queue::prelude::*;

#[derive(Queueable)]
struct Welcome {
    file: std::fs::File,
}

impl Job for Welcome {
    async fn handle(&self) -> JobResult {
        Ok(())
    }
}

fn main() {}
