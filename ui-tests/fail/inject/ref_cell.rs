use std::cell::RefCell;
use std::sync::Arc;

use queue::prelude::*;

#[derive(Queueable)]
struct Welcome {
    #[inject]
    seen: Arc<RefCell<u8>>,
}

impl Job for Welcome {
    async fn handle(&self) -> JobResult {
        Ok(())
    }
}

fn main() {}
