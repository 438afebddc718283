//! Going through the jobs of a store, look by look.

use queue::drivers::Page;
use queue::job::Filter;
use queue::{Error, JobId, JobRow, Queue};

/// How many looks that found less than was asked for are taken where not all jobs must be seen. Each goes over so many jobs as
/// [`Filter::LOOK`] says, at most.
const SHORT_LOOKS: usize = 10;

/// The jobs that fit a filter, a page a look.
pub(crate) struct Pages<'a> {
    queue: &'a Queue,
    /// From where to look on; nothing when the end was seen.
    filter: Option<Filter>,
    short: usize,
}

impl<'a> Pages<'a> {
    pub(crate) fn of(queue: &'a Queue, filter: Filter) -> Self {
        Self { queue, filter: Some(filter), short: 0 }
    }

    /// The next jobs, so many at most and perhaps none, by one look of bounded length; `None` when there is nothing behind.
    pub(crate) async fn next(&mut self, most: usize) -> Result<Option<Vec<JobRow>>, Error> {
        let Some(filter) = &mut self.filter else { return Ok(None) };
        filter.limit = Some(most);
        let Page { jobs, next, .. } = self.queue.search(filter).await?;
        self.short += usize::from(jobs.len() < filter.page());
        filter.after = next;
        if next.is_none() {
            self.filter = None;
        }
        Ok(Some(jobs))
    }

    /// Behind which id the next page begins, if there is one.
    pub(crate) fn behind(&self) -> Option<JobId> {
        self.filter.as_ref().and_then(|filter| filter.after)
    }

    /// Whether enough was looked at for somebody who waits: what fits is rare.
    pub(crate) fn is_long(&self) -> bool {
        self.short >= SHORT_LOOKS
    }

    /// What is said where it ended because of that.
    pub(crate) fn how_long() -> String {
        format!("looked at up to {} jobs", SHORT_LOOKS * Filter::LOOK)
    }
}
