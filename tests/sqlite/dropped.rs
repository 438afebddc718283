//! Verbs whose futures are dropped half-way: nothing is held by them, and nothing is half done.

use std::pin::pin;
use std::task::Poll;

/// Polls a future so many times, as often as it is woken; then it is dropped, and answers if it was done.
pub(crate) async fn poll<T>(future: impl Future<Output = T>, times: u32) -> Option<T> {
    let mut future = pin!(future);
    let mut left = times;
    std::future::poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        match future.as_mut().poll(context) {
            Poll::Ready(done) => Poll::Ready(Some(done)),
            // The last poll was in vain: it is dropped where it waits.
            Poll::Pending if left == 0 => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}
