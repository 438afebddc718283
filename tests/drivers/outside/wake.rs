//! How those who sleep learn what happened.

use std::sync::Arc;

use queue::JobId;
use queue::drivers::Wake;
use tokio::sync::broadcast::{self, error::RecvError};

/// Something that a worker wants to know.
#[derive(Clone)]
pub(crate) enum Event {
    Work(Arc<str>),
    NewQueue,
    Cancelled { queue: Arc<str>, id: JobId },
    Paused(Arc<str>),
}

/// The first thing that a worker of these queues wants to know. What one change did comes in one message, so nothing of it is missed.
pub(crate) async fn first(mut changes: broadcast::Receiver<Vec<Event>>, queues: &[Arc<str>]) -> Wake {
    let mut wake = Wake::default();
    loop {
        match changes.recv().await {
            Ok(events) => events.into_iter().for_each(|event| note(&mut wake, event, queues)),
            // More happened than the channel holds, and the rest is found by looking.
            Err(RecvError::Lagged(_) | RecvError::Closed) => wake.work = true,
        }
        if wake.work || wake.queues || wake.paused || !wake.cancelled.is_empty() {
            return wake;
        }
    }
}

fn note(wake: &mut Wake, event: Event, queues: &[Arc<str>]) {
    match event {
        Event::Work(queue) => wake.work |= queues.contains(&queue),
        Event::NewQueue => wake.queues = true,
        Event::Cancelled { queue, id } if queues.contains(&queue) => wake.cancelled.push(id),
        Event::Cancelled { .. } => {}
        Event::Paused(queue) => wake.paused |= queues.contains(&queue),
    }
}
