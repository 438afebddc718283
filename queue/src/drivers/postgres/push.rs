//! Storing jobs.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::SystemTime;

use sqlx::Row;
use uuid::Uuid;

use super::Core;
use super::connection::Session;
use super::error::Fault;
use super::rows;
use super::statement::Statement;
use super::tell::Message;
use crate::drivers::events::News;
use crate::drivers::{Due, Group, NewJob, PushError, PushResult, Pushed};
use crate::error::{Error, ErrorKind};
use crate::job::JobId;

/// How many rows a statement inserts at most: so many take some 40 ms (`benches/postgres`, bulk).
const MOST_ROWS: usize = 5_000;

/// How often jobs are stored anew whose unique key was taken, and then was not.
const TRIES: usize = 5;

/// The longest delay, in microseconds: added to now it is still a number.
const LONGEST: i64 = i64::MAX / 4;

impl Core {
    /// Stores groups, in one commit where nothing is wrong with any.
    pub(super) async fn store(self: &Arc<Self>, groups: &[Group]) -> Vec<PushResult> {
        let refused: Vec<Option<PushError>> = groups.iter().map(refused).collect();
        let good: Vec<&Group> =
            groups.iter().zip(&refused).filter(|(_, refused)| refused.is_none()).map(|(group, _)| group).collect();
        let mut stored = self.store_good(&good).await.into_iter();
        let lost = || Err(PushError::Store("the driver lost an answer".into()));
        refused.into_iter().map(|refused| refused.map_or_else(|| stored.next().unwrap_or_else(lost), Err)).collect()
    }

    async fn store_good(self: &Arc<Self>, groups: &[&Group]) -> Vec<PushResult> {
        if groups.is_empty() {
            return Vec::new();
        }
        let fault = match self.store_together(groups).await {
            Ok(results) => return results.into_iter().map(Ok).collect(),
            Err(fault) => fault,
        };
        // A lock is met by one of them, and the others need not wait for it.
        if groups.len() == 1 || (fault.is_away() && !fault.is_locked()) {
            let error = fault.into_push_error(&self.place);
            let mut results: Vec<_> = groups.iter().skip(1).map(|_| Err(error.again())).collect();
            results.push(Err(error));
            return results;
        }
        // Something is wrong with one of them, and each fails alone.
        let mut results = Vec::with_capacity(groups.len());
        for group in groups {
            let stored = self.store_together(&[group]).await.map(|mut stored| stored.pop().unwrap_or_default());
            results.push(stored.map_err(|fault| fault.into_push_error(&self.place)));
        }
        results
    }

    async fn store_together(self: &Arc<Self>, groups: &[&Group]) -> Result<Vec<Vec<Pushed>>, Fault> {
        let jobs = || groups.iter().flat_map(|group| &group.jobs);
        let queues = queues(jobs());
        let told = self.teller.now(&queues, self.first_due(jobs()));
        let texts = self.teller.texts(&told);
        let is_doubted = self.doubts.has_job(jobs().map(|job| job.id));
        let is_simple = jobs().count() <= MOST_ROWS
            && !is_doubted
            && groups.iter().all(|group| group.tick.is_none())
            && jobs().all(|job| job.unique_key().is_none());
        let mut turn = self.lines.pushes.turn(&self.dialect).await;
        let stored = loop {
            let done = match turn.session().await {
                Ok(session) if is_simple && !session.is_in_doubt() => self.store_at_once(session, groups, &texts).await,
                Ok(session) => self.store_with_care(session, Careful { groups, texts: &texts, is_doubted }).await,
                Err(fault) => Err(fault),
            };
            match turn.end(done).await {
                Ok(Some(stored)) => break Ok(stored),
                Ok(None) => {}
                Err(fault) => break Err(fault),
            }
        };
        let is_in_doubt = turn.is_in_doubt();
        drop(turn);
        let (pushed, due) = match stored {
            Ok(stored) => stored,
            Err(fault) => {
                if is_in_doubt {
                    self.doubts.doubt_jobs(jobs().map(|job| job.id));
                }
                // Nobody was told, and a debt of before may have been left to this push.
                self.owe(&queues, &[]);
                return Err(fault);
            }
        };
        self.doubts.clear_jobs(jobs().map(|job| job.id));
        self.frontier.note_priorities(jobs());
        self.announce(&queues, due);
        self.owe(&queues, &told);
        Ok(pushed)
    }

    /// About when the first of these jobs is due that waits for a time: the server says it to the point, and only afterwards.
    pub(super) fn first_due<'a>(&self, jobs: impl Iterator<Item = &'a NewJob>) -> Option<i64> {
        let now = rows::micros(SystemTime::now()).saturating_add(self.moved());
        let due = |job: &NewJob| match job.due {
            Due::Now => None,
            Due::In(delay) => (!delay.is_zero()).then(|| now.saturating_add(rows::span(delay).min(LONGEST))),
            Due::At(time) => Some(rows::micros(time).saturating_add(self.moved())),
        };
        jobs.filter_map(due).min()
    }

    /// Tells those in this process.
    fn announce(self: &Arc<Self>, queues: &[Arc<str>], due: Option<i64>) {
        let mut news = News { queues: queues.iter().any(|queue| self.queues.is_new(queue)), ..News::default() };
        news.work.extend(queues.iter().cloned());
        if let Some(due) = due {
            news.schedule(due);
        }
        self.events.tell(&news);
    }

    /// Stores plain jobs, in one statement.
    async fn store_at_once(&self, mut session: Session<'_>, groups: &[&Group], texts: &[String]) -> Result<Stored, Fault> {
        let jobs: Vec<&NewJob> = groups.iter().flat_map(|group| &group.jobs).collect();
        let due = self.insert(&mut session, &jobs, texts).await?.due;
        // What was not inserted was stored before: a job without a unique key meets nobody but itself.
        Ok((groups.iter().map(|group| group.jobs.iter().map(|job| Pushed::stored(job.id)).collect()).collect(), due))
    }

    async fn store_with_care(&self, mut session: Session<'_>, careful: Careful<'_>) -> Result<Stored, Fault> {
        session.begin().await?;
        let is_doubted = careful.is_doubted || session.is_in_doubt();
        let stored = self.store_step_by_step(&mut session, Careful { is_doubted, ..careful }).await?;
        session.commit().await?;
        Ok(stored)
    }

    async fn store_step_by_step(&self, session: &mut Session<'_>, careful: Careful<'_>) -> Result<Stored, Fault> {
        let Careful { groups, texts, is_doubted } = careful;
        let mut fresh = Vec::with_capacity(groups.len());
        for group in groups {
            fresh.push(match &group.tick {
                Some(tick) => {
                    let note = self.timed(include_str!("sql/tick.sql")).bind(&*tick.entry).bind(rows::micros(tick.at));
                    // One that is in doubt, and noted: its jobs are stored, or are not wanted.
                    !session.rows(note).await?.is_empty()
                }
                None => true,
            });
        }
        let wanted = || groups.iter().zip(&fresh).filter(|(_, fresh)| **fresh);
        let jobs: Vec<&NewJob> = wanted().flat_map(|(group, _)| &group.jobs).collect();
        let (pushed, due) = self.store_jobs(session, Storing { jobs: &jobs, texts, is_doubted }).await?;
        let mut pushed = pushed.into_iter();
        let of_group =
            |(group, fresh): (&&Group, &bool)| if *fresh { pushed.by_ref().take(group.jobs.len()).collect() } else { Vec::new() };
        Ok((groups.iter().zip(&fresh).map(of_group).collect(), due))
    }

    /// Stores jobs in a transaction that is open; answers what became of each, in order, and when the first that waits for a time is due.
    pub(super) async fn store_jobs(
        &self,
        session: &mut Session<'_>,
        storing: Storing<'_>,
    ) -> Result<(Vec<Pushed>, Option<i64>), Fault> {
        let Storing { jobs, texts, is_doubted } = storing;
        let mut results: HashMap<JobId, Pushed> = HashMap::new();
        if is_doubted || has_equal_keys(jobs) {
            results = self.stored(session, jobs).await?.into_iter().map(|id| (id, Pushed::stored(id))).collect();
        }
        let mut first_due = None;
        let mut keys: HashMap<&str, JobId> = HashMap::new();
        let mut open: Vec<&NewJob> = Vec::with_capacity(jobs.len());
        for job in jobs.iter().filter(|job| !results.contains_key(&job.id)) {
            // Of equal keys the first one is stored, and the others are what it is.
            if job.unique_key().is_none_or(|key| *keys.entry(key).or_insert(job.id) == job.id) {
                open.push(job);
            }
        }
        for number in 0..TRIES {
            if open.is_empty() {
                break;
            }
            // In one order, so that two who push the same keys do not wait for each other.
            open.sort_by_key(|job| job.unique_key());
            let mut count = 0;
            for jobs in open.chunks(MOST_ROWS) {
                let texts = if number == 0 { texts } else { &[] };
                let inserted = self.insert(session, jobs, texts).await?;
                count += inserted.count;
                first_due = earlier(first_due, inserted.due);
            }
            if count == open.len() {
                results.extend(open.drain(..).map(|job| (job.id, Pushed::stored(job.id))));
                break;
            }
            for id in self.stored(session, &open).await? {
                results.insert(id, Pushed::stored(id));
            }
            open.retain(|job| !results.contains_key(&job.id));
            let holders = self.holders(session, &open).await?;
            for job in &open {
                if let Some(&holder) = job.unique_key().and_then(|key| holders.get(key)) {
                    results.insert(job.id, Pushed::duplicate_of(holder));
                }
            }
            // Whoever had the key of the rest has ended meanwhile.
            open.retain(|job| !results.contains_key(&job.id));
        }
        let of_job = |job: &&NewJob| {
            if let Some(pushed) = results.get(&job.id) {
                return Ok(*pushed);
            }
            let first = job.unique_key().and_then(|key| keys.get(key)).and_then(|first| results.get(first));
            let lost = || {
                Fault::Own(Error::new(
                    ErrorKind::Store,
                    format!("the job {} was not stored: its unique key is taken and freed in turn", job.id),
                ))
            };
            first.map(|first| as_seen_by(job, first.id)).ok_or_else(lost)
        };
        Ok((jobs.iter().map(of_job).collect::<Result<_, _>>()?, first_due))
    }

    async fn insert(&self, session: &mut Session<'_>, jobs: &[&NewJob], texts: &[String]) -> Result<Inserted, Fault> {
        let statement = insert(self.timed(include_str!("sql/push.sql")), jobs).bind(&*self.teller.channel).bind(texts.to_vec());
        let row = session.row(statement).await?;
        Ok(Inserted { count: rows::bounded(&row, 0)?, due: row.try_get(1)? })
    }

    /// Those of these jobs that are stored.
    async fn stored(&self, session: &mut Session<'_>, jobs: &[&NewJob]) -> Result<Vec<JobId>, Fault> {
        let statement = self.dialect.statement(include_str!("sql/stored.sql"));
        let rows = session.rows(statement.bind(jobs.iter().map(|job| rows::uuid(job.id)).collect::<Vec<_>>())).await?;
        Ok(rows.iter().map(|row| rows::id(row, 0)).collect::<Result<_, _>>()?)
    }

    /// The live jobs that have the unique keys of these.
    async fn holders(&self, session: &mut Session<'_>, jobs: &[&NewJob]) -> Result<HashMap<String, JobId>, Fault> {
        let keys: Vec<&str> = jobs.iter().filter_map(|job| job.unique_key()).collect();
        let rows = session.rows(self.dialect.statement(include_str!("sql/holders.sql")).bind(keys)).await?;
        Ok(rows.iter().map(|row| Ok((row.try_get(0)?, rows::id(row, 1)?))).collect::<Result<_, sqlx::Error>>()?)
    }
}

/// Whether several of these have one unique key: which of them has it depends on which were stored before, and have ended.
fn has_equal_keys(jobs: &[&NewJob]) -> bool {
    let mut seen = HashSet::new();
    !jobs.iter().filter_map(|job| job.unique_key()).all(|key| seen.insert(key))
}

/// What a job is where another has its unique key, which may be the job itself, pushed again.
fn as_seen_by(job: &NewJob, holder: JobId) -> Pushed {
    if holder == job.id { Pushed::stored(holder) } else { Pushed::duplicate_of(holder) }
}

/// Jobs on their way into an open transaction.
#[derive(Debug, Clone, Copy)]
pub(super) struct Storing<'a> {
    pub(super) jobs: &'a [&'a NewJob],
    /// What others are told with the commit.
    pub(super) texts: &'a [String],
    /// Whether some may be stored already, and have ended.
    pub(super) is_doubted: bool,
}

/// What became of groups, and when the first job is due that waits for a time.
type Stored = (Vec<Vec<Pushed>>, Option<i64>);

/// Groups that take more than one statement.
#[derive(Clone, Copy)]
struct Careful<'a> {
    groups: &'a [&'a Group],
    texts: &'a [String],
    is_doubted: bool,
}

/// What a statement inserted.
struct Inserted {
    count: usize,
    /// When the first of those is due that wait for a time.
    due: Option<i64>,
}

fn earlier(one: Option<i64>, other: Option<i64>) -> Option<i64> {
    one.into_iter().chain(other).min()
}

/// The queues of jobs, each once.
pub(super) fn queues<'a>(jobs: impl Iterator<Item = &'a NewJob>) -> Vec<Arc<str>> {
    let mut seen: HashSet<&str> = HashSet::new();
    let mut last = "";
    let mut queues = Vec::new();
    for job in jobs {
        if *last != *job.queue && seen.insert(&job.queue) {
            queues.push(Arc::clone(&job.queue));
        }
        last = &job.queue;
    }
    queues
}

/// Work in these queues, and a time that something is due at, as others are told of it.
pub(super) fn messages(queues: &[Arc<str>], due: Option<i64>) -> Vec<Message> {
    queues.iter().map(|queue| Message::Work(Arc::clone(queue))).chain(due.map(Message::Due)).collect()
}

/// Why a group cannot be stored in Postgres, whatever else is.
pub(super) fn refused(group: &Group) -> Option<PushError> {
    group.jobs.iter().find_map(refused_job)
}

/// Why a job cannot be stored: Postgres keeps every text but one with the character NUL.
pub(super) fn refused_job(job: &NewJob) -> Option<PushError> {
    let extra = job.extra.as_deref();
    let tags = extra.into_iter().flat_map(|extra| &extra.tags).any(|tag| tag.contains('\0'));
    let what = match () {
        () if std::str::from_utf8(&job.payload).is_err() => "a payload that is no UTF-8",
        () if job.payload.contains(&0) => "a payload with the character NUL, which JSON has as `\\u0000`",
        () if job.kind.contains('\0') => "the character NUL in a kind",
        () if job.queue.contains('\0') => "the character NUL in the name of a queue",
        () if job.unique_key().is_some_and(|key| key.contains('\0')) => "the character NUL in a unique key",
        () if tags => "the character NUL in a tag",
        () => return None,
    };
    Some(PushError::Unsupported {
        driver: "postgres",
        what: format!("{what}, of the job {} of the kind `{}`", job.id, job.kind.escape_debug()),
    })
}

/// Binds jobs, a column after the other.
fn insert(statement: Statement, jobs: &[&NewJob]) -> Statement {
    let delay = |job: &NewJob| match job.due {
        Due::Now | Due::At(_) => 0,
        Due::In(delay) => rows::span(delay).min(LONGEST),
    };
    let at = |job: &NewJob| match job.due {
        Due::At(time) => Some(rows::micros(time).min(LONGEST)),
        Due::Now | Due::In(_) => None,
    };
    let extra = |job: &NewJob| job.extra.as_deref().cloned().unwrap_or_default();
    let tags =
        |job: &NewJob| Some(extra(job).tags).filter(|tags| !tags.is_empty()).and_then(|tags| serde_json::to_string(&tags).ok());
    let meta =
        |job: &NewJob| Some(extra(job).meta).filter(|meta| !meta.is_empty()).and_then(|meta| serde_json::to_string(&meta).ok());
    let has_extra = jobs.iter().any(|job| job.extra.is_some());
    let few = |of: &dyn Fn(&NewJob) -> Option<String>| -> Vec<Option<String>> {
        jobs.iter().map(|job| if has_extra { of(job) } else { None }).collect()
    };
    statement
        .bind(jobs.iter().map(|job| rows::uuid(job.id)).collect::<Vec<Uuid>>())
        .bind(jobs.iter().map(|job| &*job.kind).collect::<Vec<&str>>())
        .bind(jobs.iter().map(|job| i64::from(job.version)).collect::<Vec<i64>>())
        .bind(jobs.iter().map(|job| &*job.queue).collect::<Vec<&str>>())
        .bind(jobs.iter().map(|job| job.extra.as_ref().is_some_and(|extra| extra.held)).collect::<Vec<bool>>())
        .bind(jobs.iter().map(|job| i64::from(job.priority)).collect::<Vec<i64>>())
        .bind(jobs.iter().map(|job| delay(job)).collect::<Vec<i64>>())
        .bind(jobs.iter().map(|job| at(job)).collect::<Vec<Option<i64>>>())
        .bind(jobs.iter().map(|job| i64::from(job.max_attempts)).collect::<Vec<i64>>())
        .bind(jobs.iter().map(|job| job.unique_key()).collect::<Vec<Option<&str>>>())
        .bind(jobs.iter().map(|job| std::str::from_utf8(&job.payload).unwrap_or_default()).collect::<Vec<&str>>())
        .bind(few(&tags))
        .bind(few(&meta))
}
