use queue::prelude::*;

struct Address;

#[derive(Queueable)]
struct Welcome {
    ids: Vec<u64>,
    addresses: Vec<Address>,
}

impl Job for Welcome {
    async fn handle(&self) -> JobResult {
        Ok(())
    }
}

fn main() {}
