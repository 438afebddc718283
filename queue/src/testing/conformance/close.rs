//! The end of a handle.

use super::Verdict;
use super::subject::{Subject, job};

pub(super) async fn a_handle_can_be_closed_twice(subject: &Subject) -> Verdict {
    subject.take_new(job()).await;
    subject.driver.close().await.expect("`close` works");
    subject.driver.close().await.expect("`close` works a second time");
    Ok(())
}

pub(super) async fn an_unused_handle_can_be_closed(subject: &Subject) -> Verdict {
    subject.driver.close().await.expect("`close` works");
    Ok(())
}
