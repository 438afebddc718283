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
    drop(Queue::push::<()>()); //~ error: `()` names no job to push
//~ note: name a job without payload, or a tuple of 1 to 12 of them: `Queue::push::<PurgeSessions>()`
//~ never: with(
//~ never: becomes a job
}
