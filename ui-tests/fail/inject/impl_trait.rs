use queue::prelude::*;

#[derive(Queueable)]
struct Welcome {
    #[inject]
    mail: impl Send,
}

impl Job for Welcome {
    async fn handle(&self) -> JobResult {
        Ok(())
    }
}

fn main() {}
