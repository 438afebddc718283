//! Telling other processes, through the server, that something happened: at most once a queue and interval.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::Core;
use super::error::Fault;
use crate::drivers::events::News;
use crate::job::JobId;

/// How long after one notification of a queue the next one may follow: while many push, those who listen are told fifty times a second.
const INTERVAL: Duration = Duration::from_millis(20);

/// For how many queues it is remembered when they were told of.
const MOST: usize = 10_000;

/// Whom to tell, and when somebody was told last.
#[derive(Debug)]
pub(super) struct Teller {
    /// The name under which those of one schema hear each other.
    pub(super) channel: String,
    is_on: bool,
    told: Mutex<HashMap<Arc<str>, Told>>,
    /// The earliest time that others were told of, in microseconds since 1970.
    due: Mutex<Option<i64>>,
}

#[derive(Debug, Clone, Copy)]
struct Told {
    at: Instant,
    /// Somebody tells of it when the interval is over.
    is_owed: bool,
}

/// One thing that is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Message {
    /// Jobs became available in a queue.
    Work(Arc<str>),
    /// A job was scheduled for a time, in microseconds since 1970.
    Due(i64),
    /// A running job shall be cancelled.
    Cancel(JobId),
    /// A queue was paused or resumed.
    Pause,
}

impl Message {
    /// As it travels: what is said, who says it, and of what.
    fn text(&self, tag: &str) -> String {
        match self {
            Self::Work(queue) => format!("work {tag} {queue}"),
            Self::Due(due) => format!("due {tag} {due}"),
            Self::Cancel(id) => format!("cancel {tag} {id}"),
            Self::Pause => format!("pause {tag} -"),
        }
    }

    /// What somebody told, and who; `None` for what is not of this driver.
    pub(super) fn read(text: &str) -> Option<(&str, Self)> {
        let (what, rest) = text.split_once(' ')?;
        let (tag, of) = rest.split_once(' ')?;
        let message = match what {
            "work" => Self::Work(Arc::from(of)),
            "due" => Self::Due(of.parse().ok()?),
            "cancel" => Self::Cancel(of.parse().ok()?),
            "pause" => Self::Pause,
            _ => return None,
        };
        Some((tag, message))
    }

    /// As those in this process are told of it.
    pub(super) fn into_news(self) -> News {
        let mut news = News::default();
        match self {
            Self::Work(queue) => {
                news.work.insert(queue);
            }
            Self::Due(due) => news.schedule(due),
            Self::Cancel(id) => news.cancelled.push(id),
            Self::Pause => news.paused = true,
        }
        news
    }
}

/// What stands in all that this process tells, so that it does not hear it twice.
fn own() -> &'static str {
    static TAG: LazyLock<String> = LazyLock::new(|| format!("{:08x}", fastrand::u32(..)));
    &TAG
}

/// Whether this process told something.
pub(super) fn is_own(tag: &str) -> bool {
    tag == own()
}

/// Who tells in a transaction of a user, which may commit at any time: everybody hears it.
const ANYBODY: &str = "-";

impl Teller {
    pub(super) fn new(schema: &str, is_on: bool) -> Self {
        Self { channel: format!("queue_{schema}"), is_on, told: Mutex::default(), due: Mutex::default() }
    }

    /// What to tell, as it travels; nothing where nobody is told.
    pub(super) fn texts(&self, messages: &[Message]) -> Vec<String> {
        if self.is_on { messages.iter().map(|message| message.text(own())).collect() } else { Vec::new() }
    }

    /// The same so that this process hears it, too, as for a transaction of a user.
    pub(super) fn texts_of_user(&self, messages: &[Message]) -> Vec<String> {
        if self.is_on { messages.iter().map(|message| message.text(ANYBODY)).collect() } else { Vec::new() }
    }

    /// Of which of these queues is told now, with the commit, and of a due time before all others. The other queues are [owed](Core::owe).
    pub(super) fn now(&self, queues: &[Arc<str>], due: Option<i64>) -> Vec<Message> {
        if !self.is_on {
            return Vec::new();
        }
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.len() > MOST {
            told.retain(|_, told| told.is_owed || told.at.elapsed() < INTERVAL);
        }
        let at = Instant::now();
        let is_due = |queue: &&Arc<str>| match told.get_mut(*queue) {
            Some(told) if at.duration_since(told.at) < INTERVAL => false,
            Some(told) => {
                told.at = at;
                true
            }
            None => {
                told.insert(Arc::clone(queue), Told { at, is_owed: false });
                true
            }
        };
        let mut messages: Vec<_> = queues.iter().filter(is_due).map(|queue| Message::Work(Arc::clone(queue))).collect();
        let mut first = self.due.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(due) = due.filter(|due| first.is_none_or(|first| *due < first)) {
            *first = Some(due);
            messages.push(Message::Due(due));
        }
        messages
    }

    /// Somebody looked when the next job is due.
    pub(super) fn note_due(&self, due: Option<i64>) {
        *self.due.lock().unwrap_or_else(PoisonError::into_inner) = due;
    }

    /// Takes it upon the caller to tell of a queue after a time; `None` where somebody does already.
    fn take_debt(&self, queue: &Arc<str>) -> Option<Debt> {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let told = told.get_mut(queue)?;
        let was_owed = std::mem::replace(&mut told.is_owed, true);
        (!was_owed).then(|| Debt { since: told.at, pause: INTERVAL.saturating_sub(told.at.elapsed()) })
    }

    /// Whether the debt is still to be paid: a push that came meanwhile told of the queue with its own commit.
    fn pay_debt(&self, queue: &Arc<str>, debt: Debt) -> bool {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(told) = told.get_mut(queue) else { return true };
        told.is_owed = false;
        let is_due = told.at == debt.since;
        if is_due {
            told.at = Instant::now();
        }
        is_due
    }
}

/// A queue is to be told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Debt {
    /// When it was told of last.
    since: Instant,
    /// After how long it may be told of again.
    pause: Duration,
}

impl Core {
    /// Called after the commit: of the queues that were not told of with it, somebody tells when the interval is over.
    pub(super) fn owe(self: &Arc<Self>, queues: &[Arc<str>], told: &[Message]) {
        if !self.teller.is_on {
            return;
        }
        for queue in queues.iter().filter(|queue| !told.iter().any(|told| matches!(told, Message::Work(of) if of == *queue))) {
            let Some(debt) = self.teller.take_debt(queue) else { continue };
            let (core, queue) = (Arc::clone(self), Arc::clone(queue));
            self.home.spawn(async move {
                tokio::time::sleep(debt.pause).await;
                // Before the statement: what is pushed from here on is told of by another.
                if !core.teller.pay_debt(&queue, debt) {
                    return;
                }
                // Where it fails, those who listen look by themselves soon.
                if let Err(fault) = core.tell(&[Message::Work(queue)]).await {
                    tracing::debug!(error = %crate::error::chain(&fault.into_error(&core.place)), "others could not be told of a push");
                }
            });
        }
    }

    /// Tells others of work that an action brought, now or when the interval is over.
    pub(super) async fn tell_of_action(self: &Arc<Self>, news: &News) {
        let told = self.tell_of_work(news).await;
        let queues: Vec<Arc<str>> = news.work.iter().cloned().collect();
        self.owe(&queues, &told);
    }

    /// Tells others of work that a commit brought, where no push did; answers of what.
    pub(super) async fn tell_of_work(&self, news: &News) -> Vec<Message> {
        let queues: Vec<Arc<str>> = news.work.iter().cloned().collect();
        let messages = self.teller.now(&queues, None);
        if !messages.is_empty()
            && let Err(fault) = self.tell(&messages).await
        {
            tracing::debug!(error = %crate::error::chain(&fault.into_error(&self.place)), "others could not be told of work");
        }
        messages
    }

    /// Tells by a statement of its own.
    async fn tell(&self, messages: &[Message]) -> Result<(), Fault> {
        let statement = self.dialect.statement(include_str!("sql/tell.sql"));
        let statement = statement.bind(&*self.teller.channel).bind(self.teller.texts(messages));
        self.lines.pushes.rows(&self.dialect, &statement).await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_is_read_again() {
        let id = JobId::new();
        for message in [Message::Work("a queue".into()), Message::Due(-7), Message::Cancel(id), Message::Pause] {
            assert_eq!(Message::read(&message.text("tag")), Some(("tag", message.clone())));
        }
        for text in ["", "work", "work tag", "due tag soon", "cancel tag 7", "other tag x"] {
            assert_eq!(Message::read(text), None, "{text}");
        }
    }

    #[test]
    fn a_queue_is_told_of_once_an_interval() {
        let teller = Teller::new("jobs", true);
        let queues = [Arc::from("mail"), Arc::from("default")];
        assert_eq!(teller.now(&queues[..1], None), [Message::Work("mail".into())]);
        assert_eq!(teller.now(&queues, None), [Message::Work("default".into())]);
        assert_eq!([7, 8, 6].map(|due| teller.now(&[], Some(due)).len()), [1, 0, 1]);
        let debt = teller.take_debt(&queues[0]).unwrap();
        assert!(debt.pause <= INTERVAL);
        assert_eq!(teller.take_debt(&queues[0]), None, "somebody does already");
        assert!(teller.pay_debt(&queues[0], debt));
        let debt = teller.take_debt(&queues[0]).unwrap();
        teller.told.lock().unwrap().get_mut(&queues[0]).unwrap().at = Instant::now();
        assert!(!teller.pay_debt(&queues[0], debt), "a push did meanwhile");
        assert!(Teller::new("jobs", false).now(&queues, Some(1)).is_empty());
    }
}
