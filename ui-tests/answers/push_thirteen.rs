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
    drop(Queue::push::<(Purge, Purge, Purge, Purge, Purge, Purge, Purge, Purge, Purge, Purge, Purge, Purge, Purge)>()); //~ error: `(Purge, Purge, Purge, Purge, Purge, Purge, Purge, Purge, Purge, Purge, Purge, Purge, Purge)` cannot be pushed by type alone
//~ note: several at once: a tuple of 1 to 12 jobs, or `queue.dispatch_all(..)`
//~ never: with(
}
