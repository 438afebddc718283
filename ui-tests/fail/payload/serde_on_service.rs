use queue::prelude::*;

#[derive(Queueable)]
struct Welcome {
    #[inject]
    #[serde(default)]
    mail: std::sync::Arc<u8>,
}

impl Job for Welcome {
    async fn handle(&self) -> JobResult {
        Ok(())
    }
}

fn main() {}
