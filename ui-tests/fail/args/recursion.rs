use queue::prelude::*;

#[derive(Queueable)]
struct Nested {
    next: Option<NestedArgs>,
}

impl Job for Nested {
    async fn handle(&self) -> JobResult {
        Ok(())
    }
}

fn main() {}
