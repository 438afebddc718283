//! `queue` is a dependency under the name `jobs`, and there is no crate `queue`.

use std::sync::Arc;

use jobs::FromContainer;
use jobs::prelude::*;

#[derive(FromContainer)]
#[from_container(crate = ::jobs)]
struct Group<T> {
    config: Arc<u8>,
    #[inject(clone)]
    value: T,
}

#[derive(Queueable)]
#[queueable(crate = ::jobs)]
struct Welcome {
    #[inject]
    group: Group<u8>,
    #[inject]
    config: Arc<u8>,
    #[inject(clone)]
    value: u8,
    #[inject(name = "x")]
    named: Arc<u8>,
    user_id: u64,
}

impl Job for Welcome {
    async fn handle(&self) -> JobResult {
        let _ = (&self.group.config, self.group.value, &self.config, self.value, &self.named, self.user_id);
        Ok(())
    }
}

#[derive(Queueable)]
#[queueable(crate = ::jobs, blocking, version = 2, upgrade = same, unique, backoff = "fixed(1s)")]
struct Purge;

fn same(payload: serde_json::Value, _: u16) -> Result<serde_json::Value, String> {
    Ok(payload)
}

impl BlockingJob for Purge {
    fn handle(&self) -> JobResult {
        Ok(())
    }
}

fn main() {
    drop(Welcome::with(3));
    drop(Queue::push::<Purge>());
}
