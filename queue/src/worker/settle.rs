//! Sees to it that no outcome lies in a loop's group for long.

use std::sync::Arc;
use std::time::Duration;

use super::shared::Shared;

/// How long an outcome lies in a loop's group at the most.
const PATIENCE: Duration = Duration::from_millis(5);

/// Hands on what has lain in the groups for 5 ms, whatever the loops are doing, until the task is dropped.
pub(super) async fn run(shared: Arc<Shared>) {
    loop {
        shared.settle_soon.notified().await;
        // Real time: this is about throughput, not about a promise that a test moves a clock for.
        tokio::time::sleep(PATIENCE).await;
        shared.gather.look();
        for slot in shared.slots().iter() {
            shared.gather.flush(&slot.group);
        }
        shared.wake_exchange();
    }
}
