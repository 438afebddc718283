use queue::prelude::*;

struct Plain;

#[derive(Queueable)]
struct Purge;

#[derive(Queueable)]
struct Welcome {
    user_id: u64,
}

impl Job for Purge {
    async fn handle(&self) -> JobResult {
        Ok(())
    }
}

impl Job for Welcome {
    async fn handle(&self) -> JobResult {
        Ok(())
    }
}

fn main() {
    drop(Queue::push::<Plain>()); //~ error: `Plain` cannot be pushed by type alone
//~ note: a struct becomes a job by `#[derive(Queueable)]`
//~ never: with(
}
