//! Looks into the store and acts on single jobs; maintains it in small bites.

use std::error::Error;
use std::time::Duration;

use queue::JobState;
use queue::drivers::MaintainLimits;
use queue::job::Filter;
use queue_tests::ledger::Event;

use crate::{Stage, say};

/// Notes what it sees, retries what failed or was cancelled, and cancels here and there. At most one process of a store does so at a
/// time, so that what it sees is in order.
pub(crate) async fn act(mut stage: Stage) -> Result<(), Box<dyn Error>> {
    say("acts");
    loop {
        let mut filter = Filter::new().limit(50);
        loop {
            let page = stage.queue.jobs(&filter).await?;
            let Some(last) = page.last() else { break };
            filter.after = Some(last.id);
            for row in &page {
                stage.ledger.write(Event::Saw { id: row.id.to_string(), state: row.state.as_str().to_owned() });
                let id = row.id.to_string();
                // What was meant may have happened meanwhile by another hand: then it is refused, and that is right.
                match row.state {
                    JobState::Failed | JobState::Cancelled if stage.random.u32(0..3) == 0 => {
                        stage.ledger.write(Event::RetryBegun { id });
                        let _ = stage.queue.retry(row.id).await;
                    }
                    state if !state.is_terminal() && stage.random.u32(0..20) == 0 => {
                        stage.ledger.write(Event::CancelBegun { id });
                        let _ = stage.queue.cancel(row.id).await;
                    }
                    _ => {}
                }
            }
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// Removes what was completed or cancelled as soon as it was; what failed stays.
pub(crate) async fn prune(stage: Stage) -> Result<(), Box<dyn Error>> {
    let mut limits = MaintainLimits::default();
    (limits.batch, limits.keep_completed) = (3, Duration::ZERO);
    say("prunes");
    loop {
        stage.driver.maintain(&limits).await?;
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}
