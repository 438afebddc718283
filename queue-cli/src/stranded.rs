//! What waits in a store, and this program could not run.

use std::collections::BTreeMap;

use queue::job::Filter;
use queue::{Error, JobRow, JobState, Queue, Registry};
use serde::Serialize;

use crate::failure::chain;
use crate::pages::Pages;

/// What was looked at, and what of it could not be run.
#[derive(Debug, Serialize)]
pub(crate) struct Looked {
    pub(crate) looked_at: u64,
    /// Whether those are all that wait or run.
    pub(crate) is_all: bool,
    pub(crate) stranded: Vec<Stranded>,
}

/// Jobs of one kind that cannot be run for one reason.
#[derive(Debug, Serialize)]
pub(crate) struct Stranded {
    pub(crate) count: u64,
    pub(crate) kind: String,
    pub(crate) queue: String,
    /// `unknown_kind`, `newer_version` or `undecodable`.
    pub(crate) code: &'static str,
    pub(crate) problem: String,
    /// The first of them.
    pub(crate) example: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) hint: Option<String>,
}

/// How many jobs are read at once: they bring their payloads.
const PAGE: usize = 500;

/// Decodes what waits, or runs and may be tried again: all, or so many of the oldest and of the newest.
pub(crate) async fn look(queue: &Queue, registry: &Registry, sample: Option<u64>) -> Result<Looked, Error> {
    let live = JobState::ALL.into_iter().filter(|state| !state.is_terminal()).fold(Filter::new(), Filter::state);
    let mut sight = Sight::default();
    match sample {
        None => {
            read(queue, registry, live, u64::MAX, &mut sight).await?;
        }
        Some(most) => {
            let is_all = read(queue, registry, live.clone(), most, &mut sight).await?;
            if !is_all {
                // Where the newest come to the oldest, which are known by their ids, all have been read.
                sight.is_partial = !read(queue, registry, live.newest_first(), most, &mut sight).await?;
            }
        }
    }
    let stranded = sight.stranded.into_values().collect();
    Ok(Looked { looked_at: sight.looked_at, is_all: !sight.is_partial, stranded })
}

#[derive(Default)]
struct Sight {
    looked_at: u64,
    is_partial: bool,
    /// The greatest id of the oldest ones, which the newest must not count again.
    seen_to: Option<queue::JobId>,
    stranded: BTreeMap<(String, String, String), Stranded>,
}

/// Reads up to so many jobs; answers whether those were all.
async fn read(queue: &Queue, registry: &Registry, filter: Filter, most: u64, sight: &mut Sight) -> Result<bool, Error> {
    let is_back = filter.newest_first;
    let (mut pages, mut left) = (Pages::of(queue, filter), most);
    while left > 0 {
        let Some(rows) = pages.next(usize::try_from(left).unwrap_or(usize::MAX).min(PAGE)).await? else { return Ok(true) };
        for row in rows {
            if is_back && sight.seen_to.is_some_and(|seen_to| row.id <= seen_to) {
                return Ok(true);
            }
            sight.looked_at += 1;
            left -= 1;
            if !is_back {
                sight.seen_to = Some(row.id);
            }
            sight.take(registry, &row);
        }
    }
    Ok(pages.behind().is_none())
}

impl Sight {
    fn take(&mut self, registry: &Registry, row: &JobRow) {
        let Some((code, problem, hint)) = problem(registry, row) else { return };
        let new = || Stranded {
            count: 0,
            kind: row.kind.clone(),
            queue: row.queue.clone(),
            code,
            problem: problem.clone(),
            example: row.id.to_string(),
            hint,
        };
        self.stranded.entry((row.kind.clone(), row.queue.clone(), problem.clone())).or_insert_with(new).count += 1;
    }
}

/// Why this program cannot run a job, if it cannot.
fn problem(registry: &Registry, row: &JobRow) -> Option<(&'static str, String, Option<String>)> {
    let Some(entry) = registry.find(&row.kind) else {
        let near = queue::nearest::nearest(&row.kind, registry.entries().map(|entry| entry.kind));
        let alias =
            |kind: &str| format!("was it renamed to `{kind}`? `#[queueable(aliases = [\"{}\"])]` keeps its jobs alive", row.kind);
        return Some(("unknown_kind", "no job of this program has that kind".to_owned(), near.map(alias)));
    };
    if row.version > entry.options.version {
        let text = format!("its payload has version {}, and this program knows {}", row.version, entry.options.version);
        return Some(("newer_version", text, Some("a later release pushed it: is this one older than what runs?".to_owned())));
    }
    let Some(payload) = &row.payload else { return Some(("undecodable", "the store has no payload of it".to_owned(), None)) };
    let error = entry.decode(payload.get().as_bytes(), row.version).err()?;
    let place = format!("{}:{}", entry.file, entry.line);
    let hint = format!(
        "a renamed field keeps what is stored by `#[serde(alias = \"..\")]`, a new one takes `#[serde(default)]`; else `version` and `upgrade` ({place})"
    );
    // Where in the text it is differs from job to job.
    let text = chain(&error);
    let problem = text.split(" at line ").next().unwrap_or_default().to_owned();
    Some(("undecodable", problem, Some(hint)))
}
