use queue::prelude::*;

#[derive(Queueable)]
struct Purge;

impl Job for Purge {
    async fn handel(&self) -> JobResult {
        Ok(())
    }
}

fn main() {}
