use queue::prelude::*;

#[derive(Queueable)]
struct Purge;

impl Job for Purge {
    async fn handle(&self) {
        drop(3);
    }
}

fn main() {}
