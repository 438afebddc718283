use queue::prelude::*;

trait Mailer: Send + Sync {}

type Mail = std::sync::Arc<dyn Mailer>;

#[derive(Queueable)]
struct Welcome {
    mail: Mail,
}

impl Job for Welcome {
    async fn handle(&self) -> JobResult {
        Ok(())
    }
}

fn main() {}
