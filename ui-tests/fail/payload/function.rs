use queue::prelude::*;

#[derive(Queueable)]
struct Welcome {
    then: fn(u8) -> u8,
}

impl Job for Welcome {
    async fn handle(&self) -> JobResult {
        Ok(())
    }
}

fn main() {}
