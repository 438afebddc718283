use queue::prelude::*;

#[derive(Queueable)]
struct Purge;

impl Job for Purge {
    async fn handle(&self) -> Result<(), std::io::Error> {
        Ok(())
    }
}

fn main() {}
