use queue::prelude::*;

#[derive(Queueable)]
#[queueable(version = 2, upgrade = up)]
struct Purge {
    before: u64,
}

fn up(payload: serde_json::Value) -> Result<serde_json::Value, String> {
    Ok(payload)
}

impl Job for Purge {
    async fn handle(&self) -> JobResult {
        Ok(())
    }
}

fn main() {}
