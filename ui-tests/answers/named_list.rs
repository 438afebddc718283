use std::sync::Arc;

use queue::prelude::*;

#[derive(Queueable)]
struct Welcome {
    #[inject(name = "audit")]
    all: Vec<Arc<u8>>, //~ error: `Vec<Arc<u8>>` cannot be injected by name
//~ note: `name` goes with `Arc<T>`, `Option<Arc<T>>`, `Lazy<T>` and `Provider<T>`
}

impl Job for Welcome {
    async fn handle(&self) -> JobResult {
        Ok(())
    }
}

fn main() {}
