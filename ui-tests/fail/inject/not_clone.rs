use queue::prelude::*;

struct Config;

#[derive(Queueable)]
struct Welcome {
    #[inject(clone)]
    config: Config,
}

impl Job for Welcome {
    async fn handle(&self) -> JobResult {
        Ok(())
    }
}

fn main() {}
