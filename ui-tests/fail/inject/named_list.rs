use std::sync::Arc;

use queue::prelude::*;

#[derive(Queueable)]
struct Welcome {
    #[inject(name = "audit")]
    all: Vec<Arc<u8>>,
}

impl Job for Welcome {
    async fn handle(&self) -> JobResult {
        Ok(())
    }
}

fn main() {}
