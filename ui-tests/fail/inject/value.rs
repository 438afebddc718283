use queue::prelude::*;

#[derive(Queueable)]
struct Welcome {
    #[inject]
    url: String,
}

impl Job for Welcome {
    async fn handle(&self) -> JobResult {
        Ok(())
    }
}

fn main() {}
