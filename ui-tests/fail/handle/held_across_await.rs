use queue::prelude::*;

#[derive(Queueable)]
struct Purge;

impl Job for Purge {
    async fn handle(&self) -> JobResult {
        let counted = std::rc::Rc::new(3);
        std::future::ready(()).await;
        drop(counted);
        Ok(())
    }
}

fn main() {}
