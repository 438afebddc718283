//! Where a claim begins. While a transaction somewhere holds a snapshot, no dead row can be removed, and a claim from the start of the index would
//! walk over every job that was ever claimed. So it begins where the last one ended, and what comes to lie behind that is swept up beside it.
//!
//! The same goes for jobs that this worker leaves alone: it walks over them once.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use sqlx::Row;
use uuid::Uuid;

use super::Core;
use super::error::Fault;
use super::rows;
use crate::drivers::events::News;
use crate::drivers::{Delivery, Except, NewJob, QueueRequest};

/// From how many dead rows on a claim does not begin at the start: to walk over so many takes 0.3 ms, a fifth of a claim
/// (`benches/postgres_trials`).
const MANY_DEAD: i64 = 3_000;
/// From what time on a claim walks too far over jobs that are left alone.
const LONG: Duration = Duration::from_millis(10);
/// How far a claim stays behind the clock: commits do not come in the order of their times. In microseconds.
const LAG: i64 = 500_000;
/// A sweep takes at most one part in so many of the time of its connection.
const SHARE: u32 = 20;
/// The shortest time between two sweeps.
const PAUSE: Duration = Duration::from_millis(50);
/// How many jobs a sweep brings. Where there are more, the claims begin at the first of them.
const SWEPT: usize = 500;
/// How many places are remembered, and how many queues.
const MOST: usize = 10_000;

/// A part of the index of a queue, from behind a job on, below a priority.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) priority: i64,
    pub(super) due_at: i64,
    pub(super) id: Uuid,
    pub(super) below: i64,
}

/// All of it.
const WHOLE: Part = Part { priority: -1, due_at: i64::MIN, id: Uuid::nil(), below: 256 };

/// A queue, and what is left alone in it.
type Key = (Arc<str>, Vec<(Arc<str>, Option<u16>)>);

/// Where the claims of a handle begin.
#[derive(Debug, Default)]
pub(super) struct Frontier {
    has_many_dead: AtomicBool,
    lanes: Mutex<HashMap<Key, Lane>>,
}

#[derive(Debug, Default)]
struct Lane {
    /// For each priority that was met, behind which due time and id.
    behind: BTreeMap<i64, (i64, Uuid)>,
    /// Whether nothing was there of a priority that was not met.
    is_closed: bool,
    /// Places of jobs that may be claimed and lie behind, or may.
    places: Vec<String>,
    /// How long the last claim from the start took.
    walked: Duration,
    /// When the last sweep was over, and how long it took.
    swept: Option<(Instant, Duration)>,
    is_sweeping: bool,
}

impl Lane {
    fn parts(&self) -> Vec<Part> {
        let mut parts = Vec::with_capacity(2 * self.behind.len() + 1);
        let mut from = WHOLE;
        for (&priority, &(due_at, id)) in &self.behind {
            if !self.is_closed {
                parts.push(Part { below: priority, ..from });
            }
            parts.push(Part { priority, due_at, id, below: priority + 1 });
            from = Part { priority: priority + 1, ..WHOLE };
        }
        if !self.is_closed {
            parts.push(from);
        }
        parts
    }

    /// For how long no sweep may come.
    fn rest(&self) -> Duration {
        let Some((at, took)) = self.swept else { return Duration::ZERO };
        (took * SHARE).max(PAUSE).saturating_sub(at.elapsed())
    }
}

/// What a claim asks of the index, and by place.
#[derive(Debug, Default)]
pub(super) struct Asked {
    pub(super) parts: Vec<(Arc<str>, Part)>,
    pub(super) places: Vec<String>,
    /// Which queues are not claimed from the start.
    ahead: Vec<Arc<str>>,
}

impl Frontier {
    fn lock(&self) -> MutexGuard<'_, HashMap<Key, Lane>> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Somebody counted the dead rows.
    pub(super) fn note_dead(&self, rows: i64) {
        let has_many = rows >= MANY_DEAD;
        // From here on the claims go from the start again, and what they knew is old.
        if self.has_many_dead.swap(has_many, Ordering::Relaxed) && !has_many {
            self.lock().clear();
        }
    }

    /// Jobs of a queue that this handle made available, by their places: where they lie behind, nobody need look for them.
    pub(super) fn note_places(&self, queue: &str, mut places: Vec<String>) {
        if !self.has_many_dead.load(Ordering::Relaxed) {
            return;
        }
        for (_, lane) in self.lock().iter_mut().filter(|((name, _), _)| **name == *queue) {
            places.truncate(MOST.saturating_sub(lane.places.len()));
            lane.places.extend(places.iter().cloned());
        }
    }

    /// These jobs were stored, perhaps the first of their priorities.
    pub(super) fn note_priorities<'a>(&self, jobs: impl Iterator<Item = &'a NewJob>) {
        if !self.has_many_dead.load(Ordering::Relaxed) {
            return;
        }
        let met: BTreeSet<(&str, u8)> = jobs.map(|job| (&*job.queue, job.priority)).collect();
        for ((queue, _), lane) in self.lock().iter_mut() {
            for (_, priority) in met.iter().filter(|(name, _)| **name == **queue) {
                lane.behind.entry(i64::from(*priority)).or_insert((i64::MIN, Uuid::nil()));
            }
        }
    }

    /// What to ask for these queues.
    pub(super) fn ask(&self, queues: &[&QueueRequest], except: &[Except]) -> Asked {
        let mut asked = Asked::default();
        let has_many_dead = self.has_many_dead.load(Ordering::Relaxed);
        if !has_many_dead && except.is_empty() {
            asked.parts = queues.iter().map(|wanted| (Arc::clone(&wanted.queue), WHOLE)).collect();
            return asked;
        }
        let mut lanes = self.lock();
        if lanes.len() > MOST {
            lanes.clear();
        }
        for wanted in queues {
            let queue = &wanted.queue;
            let lane = lanes.entry(key(queue, except)).or_default();
            if !has_many_dead && lane.walked < LONG {
                asked.parts.push((Arc::clone(queue), WHOLE));
                continue;
            }
            asked.ahead.push(Arc::clone(queue));
            asked.parts.extend(lane.parts().into_iter().map(|part| (Arc::clone(queue), part)));
            let take = lane.places.len().min(wanted.free + wanted.ahead);
            asked.places.extend(lane.places.drain(..take));
        }
        asked
    }

    /// What a claim of these queues brought, at a time of the server, and how long it took.
    fn claimed(&self, claim: &Claim<'_>) {
        let mut lanes = self.lock();
        for wanted in claim.queues {
            let Some(lane) = lanes.get_mut(&key(&wanted.queue, claim.except)) else { continue };
            if !claim.asked.ahead.contains(&wanted.queue) {
                lane.walked = claim.took;
            }
            let Some(now) = claim.now else { continue };
            let upto = now.saturating_sub(LAG);
            let claimed = || claim.deliveries.iter().filter(|delivery| delivery.queue == wanted.queue);
            let is_short = claimed().count() < wanted.free + wanted.ahead;
            // What was claimed by its place does not tell how far the index was walked; but where little came, it was walked to its end.
            if !is_short && !claim.asked.places.is_empty() {
                continue;
            }
            let mut last = -1;
            for delivery in claimed() {
                let (priority, due_at) = (i64::from(delivery.priority), rows::micros(delivery.due_at));
                last = last.max(priority);
                let at = if due_at < upto { (due_at, rows::uuid(delivery.lease.id)) } else { (upto, Uuid::nil()) };
                let behind = lane.behind.entry(priority).or_insert(at);
                *behind = at.max(*behind);
            }
            lane.is_closed |= is_short;
            for (_, behind) in lane.behind.iter_mut().filter(|(priority, _)| is_short || **priority < last) {
                *behind = (*behind).max((upto, Uuid::nil()));
            }
        }
    }
}

fn key(queue: &Arc<str>, except: &[Except]) -> Key {
    (Arc::clone(queue), except.iter().map(|except| (Arc::clone(&except.kind), except.from_version)).collect())
}

/// A claim that was made.
pub(super) struct Claim<'a> {
    pub(super) queues: &'a [&'a QueueRequest],
    pub(super) except: &'a [Except],
    pub(super) asked: &'a Asked,
    pub(super) deliveries: &'a [Delivery],
    /// When, on the server's clock; `None` where it does not say, because nothing was there.
    pub(super) now: Option<i64>,
    pub(super) took: Duration,
}

impl Core {
    /// Notes how far a claim came, and has somebody look at what may lie behind.
    pub(super) fn advance(self: &Arc<Self>, claim: &Claim<'_>) {
        self.frontier.claimed(claim);
        for queue in &claim.asked.ahead {
            let key = key(queue, claim.except);
            let rest = {
                let mut lanes = self.frontier.lock();
                let Some(lane) = lanes.get_mut(&key).filter(|lane| !lane.is_sweeping) else { continue };
                lane.is_sweeping = true;
                lane.rest()
            };
            let core = Arc::clone(self);
            self.home.spawn(async move {
                tokio::time::sleep(rest).await;
                let began = Instant::now();
                let swept = core.sweep(&key).await;
                let mut lanes = core.frontier.lock();
                if let Some(lane) = lanes.get_mut(&key) {
                    lane.is_sweeping = false;
                    lane.swept = Some((Instant::now(), began.elapsed()));
                }
                drop(lanes);
                // Where it fails, the next claim calls for another.
                if swept.is_ok_and(|found| found > 0) {
                    let mut news = News::default();
                    news.work.insert(Arc::clone(&key.0));
                    core.events.tell(&news);
                }
            });
        }
    }

    /// Looks for jobs from the start of the index on; answers how many it found behind the claims.
    async fn sweep(&self, key: &Key) -> Result<usize, Fault> {
        let (queue, except) = key;
        let statement = self
            .dialect
            .statement(include_str!("sql/sweep.sql"))
            .bind(&**queue)
            .bind(except.iter().map(|(kind, _)| &**kind).collect::<Vec<&str>>())
            .bind(except.iter().map(|(_, version)| version.map_or(i64::MIN, i64::from)).collect::<Vec<i64>>())
            .bind(rows::number(SWEPT));
        let found = self.lines.sweeps.rows(&self.dialect, &statement).await?;
        let mut lanes = self.frontier.lock();
        let Some(lane) = lanes.get_mut(key) else { return Ok(0) };
        let mut behind = Vec::new();
        for row in &found {
            let at: (i64, Uuid) = (row.try_get(2)?, row.try_get(3)?);
            let priority: i64 = row.try_get(1)?;
            let is_behind = match lane.behind.get(&priority) {
                Some(behind) => at <= *behind,
                None => lane.is_closed,
            };
            if is_behind {
                behind.push((priority, at, row.try_get::<String, _>(0)?));
            }
        }
        let count = behind.len();
        if count == SWEPT {
            // Not a few late ones: many were stored at once, and are walked over like others.
            for (priority, at, _) in behind {
                let start = lane.behind.entry(priority).or_insert(at);
                *start = (*start).min((at.0 - 1, at.1));
            }
        } else {
            for (priority, _, place) in behind {
                // The next one of this priority need not be swept up.
                lane.behind.entry(priority).or_insert((i64::MIN, Uuid::nil()));
                if !lane.places.contains(&place) {
                    lane.places.push(place);
                }
            }
        }
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drivers::Lease;
    use crate::job::JobId;

    fn part(priority: i64, due_at: i64, below: i64) -> Part {
        Part { priority, due_at, id: Uuid::nil(), below }
    }

    #[test]
    fn the_parts_are_what_lies_behind_and_what_is_not_known() {
        let mut lane = Lane::default();
        assert_eq!(lane.parts(), [WHOLE]);
        lane.behind.insert(5, (7, Uuid::nil()));
        lane.behind.insert(100, (9, Uuid::nil()));
        let (first, between, last) = (part(-1, i64::MIN, 5), part(6, i64::MIN, 100), part(101, i64::MIN, 256));
        assert_eq!(lane.parts(), [first, part(5, 7, 6), between, part(100, 9, 101), last]);
        lane.is_closed = true;
        assert_eq!(lane.parts(), [part(5, 7, 6), part(100, 9, 101)]);
    }

    fn delivery(priority: u8, due_at: i64) -> Delivery {
        let lease = Lease { id: JobId::from_u128(7), place: 0, token: 1 };
        let (kind, queue, payload) = (Arc::from("Plain"), Arc::from("mail"), Arc::from(&b"{}"[..]));
        let due_at = rows::time(due_at);
        Delivery { lease, kind, queue, payload, version: 1, attempt: 1, max_attempts: 1, rescues: 0, priority, due_at }
    }

    #[test]
    fn a_claim_that_took_known_places_does_not_go_past_what_it_did_not_look_at() {
        let frontier = Frontier::default();
        frontier.note_dead(MANY_DEAD);
        let wanted = QueueRequest { queue: "mail".into(), free: 1, ahead: 0 };
        let queues = [&wanted];
        let claim = |deliveries: &[Delivery], now: i64| {
            let asked = frontier.ask(&queues, &[]);
            frontier.claimed(&Claim { queues: &queues, except: &[], asked: &asked, deliveries, now: Some(now), took: LONG });
        };
        let parts =
            || frontier.ask(&queues, &[]).parts.into_iter().map(|(_, part)| (part.priority, part.due_at)).collect::<Vec<_>>();
        claim(&[delivery(100, 1)], LAG + 10);
        let before = parts();
        assert!(before.contains(&(100, 1)));
        // A job of a lower rank, by its place: those of the priority 100 were not looked at.
        frontier.note_places("mail", vec!["(0,1)".to_owned()]);
        claim(&[delivery(200, 5)], LAG + 20);
        assert_eq!(parts(), before);
        // The same by a walk, which passed all that is more urgent.
        claim(&[delivery(200, 5)], LAG + 20);
        assert!(parts().contains(&(100, 20)) && parts().contains(&(200, 5)));
    }

    #[test]
    fn a_claim_begins_at_the_start_until_many_rows_are_dead() {
        let frontier = Frontier::default();
        let wanted = QueueRequest { queue: "mail".into(), free: 1, ahead: 0 };
        let is_whole = |frontier: &Frontier| frontier.ask(&[&wanted], &[]).ahead.is_empty();
        assert!(is_whole(&frontier));
        frontier.note_dead(MANY_DEAD);
        assert!(!is_whole(&frontier));
        frontier.note_dead(MANY_DEAD - 1);
        assert!(is_whole(&frontier));
    }
}
