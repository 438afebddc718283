use queue::prelude::*;

#[derive(Queueable)]
struct Chunk<const N: usize> {
    part: u64,
}

impl<const N: usize> Job for Chunk<N> {
    async fn handle(&self) -> JobResult {
        Ok(())
    }
}

fn main() {}
