//! What runs say is kept, within bounds.

use std::sync::Arc;

use queue::prelude::*;
use queue::{JobRow, JobState};
use queue_tests::probe::Probe;
use queue_tests::rig::Rig;

const LONGEST: usize = 64 * 1024;
const SAID: usize = 3 * 1024 * 1024;

/// Says more than anybody reads.
#[derive(Queueable)]
#[queueable(max_attempts = 1)]
struct Babbles {
    #[inject]
    context: JobContext,
    #[inject]
    probe: Arc<Probe>,
    how: String,
}

impl Job for Babbles {
    async fn handle(&self) -> JobResult {
        let text = "語".repeat(SAID / 3);
        match self.how.as_str() {
            "error" => Err(text.into()),
            "panic" => panic!("{text}"),
            "cancel" => Err(JobError::cancel(text)),
            "progress" => {
                self.context.progress(50, text);
                self.probe.pass().await;
                Ok(())
            }
            other => Err(JobError::fail(format!("unknown: {other}"))),
        }
    }
}

#[track_caller]
fn assert_cut(text: &str) {
    assert!(text.len() <= LONGEST, "{} bytes", text.len());
    assert!(text.starts_with("語語語") && text.ends_with("語… (cut: it had 3145728 bytes)"), "{}", &text[text.len() - 60..]);
}

fn only_error(row: &JobRow) -> &str {
    assert_eq!(row.errors.len(), 1);
    &row.errors[0].message
}

#[tokio::test]
async fn a_long_error_is_cut_however_it_came() {
    let rig = Rig::new();
    let worker = rig.worker().start().await.expect("it starts");
    for (how, state) in [("error", JobState::Failed), ("panic", JobState::Failed), ("cancel", JobState::Cancelled)] {
        let pushed = rig.queue.dispatch(Babbles::with(how.to_owned())).await.expect("push");
        let row = rig.end(pushed.id).await;
        assert_eq!(row.state, state, "{how}");
        assert_cut(only_error(&row));
    }
    worker.shutdown(std::time::Duration::ZERO).await;
}

#[tokio::test]
async fn a_long_word_of_progress_is_cut() {
    let rig = Rig::new();
    let worker = rig.worker().start().await.expect("it starts");
    let pushed = rig.queue.dispatch(Babbles::with("progress".to_owned())).await.expect("push");
    let row = loop {
        let row = rig.until(pushed.id, JobState::Running).await;
        if row.progress.is_some() {
            break row;
        }
        // It is reported with the next renewal.
        rig.advance(std::time::Duration::from_secs(1));
        tokio::task::yield_now().await;
    };
    assert_cut(&row.progress.expect("it was just there").message);
    rig.probe.open();
    rig.end(pushed.id).await;
    worker.shutdown(std::time::Duration::ZERO).await;
}
