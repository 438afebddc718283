use queue::prelude::*;

#[derive(Queueable)]
#[queueable(blocking)]
struct Resize;

impl BlockingJob for Resize {
    async fn handle(&self) -> JobResult {
        Ok(())
    }
}

fn main() {}
