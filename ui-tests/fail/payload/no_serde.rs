use queue::prelude::*;

struct Address;

#[derive(Queueable)]
struct Welcome {
    id: u64,
    address: Address,
}

impl Job for Welcome {
    async fn handle(&self) -> JobResult {
        Ok(())
    }
}

fn main() {}
