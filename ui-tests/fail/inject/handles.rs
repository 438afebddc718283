use queue::prelude::*;

use std::sync::Arc;

#[derive(Queueable)]
struct Handles {
    #[inject]
    context: Arc<JobContext>,
    #[inject]
    queue: std::sync::Arc<queue::Queue>,
}

#[derive(queue::FromContainer)]
struct Group {
    context: Arc<JobContext>,
}

impl Job for Handles { async fn handle(&self) -> JobResult { Ok(()) } }

fn main() {}
