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
//~ note: `Welcome` has payload fields: write `Welcome::with(..).push()`
//~ note: several at once: `queue.dispatch((One::with(..), Other::with(..)))`
//~ never: becomes a job
}
