use std::sync::Arc;

use queue::prelude::*;

trait Local {}

#[derive(Queueable)]
struct Welcome {
    #[inject]
    mail: Arc<dyn Local>,
}

impl Job for Welcome {
    async fn handle(&self) -> JobResult {
        Ok(())
    }
}

fn main() {}
