use queue::prelude::*;

#[derive(Queueable)]
#[queueable(blocking)]
struct Resize;

impl Job for Resize {
    async fn handle(&self) -> JobResult {
        Ok(())
    }
}

fn main() {}
