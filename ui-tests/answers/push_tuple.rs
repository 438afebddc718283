use queue::prelude::*;

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
    drop(Queue::push::<(Purge, Welcome)>()); //~ error: `Welcome` cannot be pushed by type alone
//~ note: a job with payload fields: `Welcome::with(..).push()`
}
