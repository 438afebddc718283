//! Hearing what others tell through the server: one connection a process and schema.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError, Weak};
use std::time::Duration;

use sqlx::Executor;
use sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions};
use tokio::task::AbortHandle;
use tokio::time::{sleep, timeout};

use super::home::Home;
use super::tell::{self, Message};
use crate::drivers::events::Events;

/// After how long without a word the server is asked whether it is still there: a connection that is half open says nothing.
const QUIET: Duration = Duration::from_secs(15);
/// For how long its answer is waited for.
const ANSWER: Duration = Duration::from_secs(5);
/// The pauses between two tries to connect, the first and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// Listens while anybody has it.
#[derive(Debug)]
pub(super) struct Ear {
    is_listening: Arc<AtomicBool>,
    task: AbortHandle,
    /// The task lives there.
    _home: Home,
}

/// What to listen to, and who is told.
#[derive(Debug, Clone)]
pub(super) struct Listening {
    pub(super) options: PgConnectOptions,
    pub(super) place: String,
    pub(super) channel: String,
    pub(super) events: Arc<Events>,
}

impl Ear {
    /// That of a store: the same for each handle in this process.
    pub(super) fn of(store: String, home: &Home, listening: Listening) -> Arc<Self> {
        static STORES: LazyLock<Mutex<HashMap<String, Weak<Ear>>>> = LazyLock::new(Mutex::default);
        let mut stores = STORES.lock().unwrap_or_else(PoisonError::into_inner);
        stores.retain(|_, ear| ear.strong_count() > 0);
        if let Some(ear) = stores.get(&store).and_then(Weak::upgrade) {
            return ear;
        }
        let is_listening = Arc::new(AtomicBool::new(false));
        let task = home.spawn(listen(listening, Arc::clone(&is_listening))).abort_handle();
        let ear = Arc::new(Self { is_listening, task, _home: home.clone() });
        stores.insert(store, Arc::downgrade(&ear));
        ear
    }

    /// Whether it hears what is told at this moment, as far as anybody knows.
    pub(super) fn is_listening(&self) -> bool {
        self.is_listening.load(Ordering::Relaxed)
    }
}

impl Drop for Ear {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn listen(listening: Listening, is_listening: Arc<AtomicBool>) {
    let Listening { options, place, channel, events } = listening;
    let (mut pause, mut has_warned) = (PAUSES.0, false);
    loop {
        // One for each listener: one whose connection is half open takes leave of it for ever, and would keep the only place.
        let pool = PgPoolOptions::new().max_connections(1).min_connections(0).connect_lazy_with(options.clone());
        let connected = timeout(ANSWER, async {
            let mut listener = PgListener::connect_with(&pool).await?;
            listener.eager_reconnect(false);
            listener.listen(&channel).await?;
            Ok::<_, sqlx::Error>(listener)
        });
        match connected.await {
            Ok(Ok(mut listener)) => {
                is_listening.store(true, Ordering::Relaxed);
                if std::mem::replace(&mut has_warned, false) {
                    tracing::info!(place, "news of other processes are heard again");
                }
                // Whatever was told before this moment may have been missed.
                events.tell_of_anything();
                hear(&mut listener, &events).await;
                is_listening.store(false, Ordering::Relaxed);
                pause = PAUSES.0;
            }
            Ok(Err(error)) if !has_warned => {
                has_warned = true;
                tracing::warn!(place, error = %crate::error::chain(&error), "news of other processes are not heard: the database is looked at until they are");
            }
            Err(_) if !has_warned => {
                has_warned = true;
                tracing::warn!(
                    place,
                    "news of other processes are not heard, the server does not answer: the database is looked at until it does"
                );
            }
            _ => {}
        }
        sleep(pause).await;
        pause = (pause * 2).min(PAUSES.1);
    }
}

/// Passes on what is told, until the connection is gone.
async fn hear(listener: &mut PgListener, events: &Events) {
    loop {
        match timeout(QUIET, listener.try_recv()).await {
            Ok(Ok(Some(told))) => {
                // What this process told it has heard already. A stranger's words mean nothing.
                if let Some(news) =
                    Message::read(told.payload()).filter(|(tag, _)| !tell::is_own(tag)).map(|(_, message)| message.into_news())
                {
                    events.tell_from_outside(&news);
                }
            }
            Ok(Ok(None) | Err(_)) => return,
            Err(_) => {
                let asked = timeout(ANSWER, listener.execute("SELECT 1")).await;
                if !matches!(asked, Ok(Ok(_))) {
                    return;
                }
            }
        }
    }
}
