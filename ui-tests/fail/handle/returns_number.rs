use queue::prelude::*;

#[derive(Queueable)]
struct Purge;

impl Job for Purge {
    async fn handle(&self) -> u8 {
        3
    }
}

fn main() {}
