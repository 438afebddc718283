use queue::prelude::*;

#[derive(serde::Serialize)]
struct Address;

#[derive(Queueable)]
struct Welcome {
    address: Address,
}

impl Job for Welcome {
    async fn handle(&self) -> JobResult {
        Ok(())
    }
}

fn main() {}
