use queue::prelude::*;

#[derive(Queueable)]
struct Welcome {
    #[inject]
    context: JobContext,
    user_id: u64,
    note: String,
}

impl Job for Welcome {
    async fn handle(&self) -> JobResult {
        Ok(())
    }
}

fn main() {
    drop(Welcome::with(3, 4));
}
