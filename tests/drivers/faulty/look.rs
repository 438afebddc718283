//! The faults of filters, pages and counts.

use queue::drivers::{Count, Page};
use queue::job::filter::ArgIs;
use queue::job::{Filter, JobRow};
use queue::{Error, JobId, JobState};

use super::{Fault, Faulty};

impl Faulty {
    pub(super) async fn look(&self, filter: &Filter) -> Result<Page, Error> {
        let asked = filter;
        let mut filter = filter.clone();
        match self.fault {
            Fault::ListsFromTheStart => filter.after = None,
            Fault::IgnoresIds => filter.ids.clear(),
            Fault::ListsWhatIsLeftOut => {
                filter.not_kinds.clear();
                filter.not_queues.clear();
                filter.not_tags.clear();
            }
            Fault::IgnoresWhenItWasPushed => (filter.since, filter.until) = (None, None),
            Fault::SearchesEveryError | Fault::SearchesLetterForLetter => filter.errors.clear(),
            Fault::IgnoresFields | Fault::ReadsNumbersAsFloats => filter.args.clear(),
            Fault::ForgetsConditionsBesideFields if filter.reads_rows() => {
                filter.not_tags.clear();
                filter.states.clear();
            }
            Fault::ListsTheOldestFirst => filter.newest_first = false,
            _ => {}
        }
        let mut page = self.inner().jobs(&filter).await?;
        page.jobs.retain(|row| self.keeps(asked, row));
        match self.fault {
            Fault::LosesTheLastOfAPage if page.jobs.len() == asked.page() && asked.limit == Some(2) => drop(page.jobs.pop()),
            Fault::LooksAtLittle if asked.after.is_none() => {
                let begin = JobId::from_u128(if asked.newest_first { u128::MAX } else { 0 });
                page = Page::new(Vec::new(), Some(begin));
            }
            Fault::LooksAtLittle if page.jobs.len() > 1 => {
                page.jobs.truncate(page.jobs.len() / 2);
                page.next = page.jobs.last().map(|row| row.id);
            }
            Fault::EndsAtTheFirstPage => page.next = None,
            // As one does that keeps what is looked for beside the payload.
            Fault::FindsWhatIsGone => {
                page.jobs.iter_mut().filter(|row| row.state == JobState::Completed).for_each(|row| row.payload = None);
            }
            // As a driver does that goes over no more rows, and does not say so.
            Fault::EndsAtTheFirstLook => {
                let mut first = Filter::new().limit(1);
                first.newest_first = asked.newest_first;
                let first = self.inner().jobs(&first).await?;
                let first = first.jobs.first().map_or(0, |row| row.id.as_u128());
                page.jobs.retain(|row| row.id.as_u128().abs_diff(first) < Filter::LOOK as u128);
            }
            Fault::NeverEnds => page.next = page.next.or(asked.after).or(page.jobs.last().map(|row| row.id)),
            _ => {}
        }
        Ok(page)
    }

    fn keeps(&self, filter: &Filter, row: &JobRow) -> bool {
        let has = |text: &str, part: &String| text.to_ascii_lowercase().contains(&part.to_ascii_lowercase());
        match self.fault {
            Fault::SearchesEveryError if !filter.errors.is_empty() => {
                row.errors.iter().any(|error| filter.errors.iter().any(|part| has(&error.message, part)))
            }
            Fault::SearchesLetterForLetter if !filter.errors.is_empty() => {
                row.errors.last().is_some_and(|last| filter.errors.iter().any(|part| last.message.contains(part)))
            }
            Fault::LeavesOutRoughly => !filter.not_kinds.iter().any(|name| name.eq_ignore_ascii_case(&row.kind)),
            Fault::TakesTheWrongSideOfATime => filter.since.is_none_or(|since| row.id.created_at() > since),
            Fault::ReadsNumbersAsFloats => filter.args.iter().all(|arg| is_about(row, arg)),
            _ => true,
        }
    }

    pub(super) async fn counted(&self, filter: &Filter, most: u64) -> Result<Count, Error> {
        match self.fault {
            Fault::CountsOnePage => {
                let mut filter = filter.clone();
                (filter.after, filter.limit) = (None, None);
                Ok(Count::new(self.inner().jobs(&filter).await?.jobs.len() as u64, true))
            }
            Fault::CountsBehindThePage => {
                let page = self.inner().jobs(&filter.clone().limit(1_000)).await?;
                Ok(Count::new(page.jobs.len() as u64, page.next.is_none()))
            }
            _ => {
                let mut count = self.inner().count(filter, most).await?;
                match self.fault {
                    Fault::CountsOneTooMany => count.jobs += 1,
                    Fault::NeverCountsAll => count.is_all = false,
                    Fault::AlwaysCountsAll => count = Count::new(count.jobs.min(most), true),
                    _ => {}
                }
                Ok(count)
            }
        }
    }
}

/// Whether a field is about one of the values, as who reads JSON into floats sees it.
fn is_about(row: &JobRow, arg: &ArgIs) -> bool {
    let Some(payload) = &row.payload else { return false };
    let Ok(mut value) = serde_json::from_str::<serde_json::Value>(payload.get()) else { return false };
    for key in &arg.path {
        let inner = match &mut value {
            serde_json::Value::Array(items) => key.parse::<usize>().ok().and_then(|index| items.get_mut(index)),
            value => value.get_mut(key),
        };
        let Some(inner) = inner else { return false };
        value = inner.take();
    }
    arg.values.iter().any(|wanted| match &value {
        serde_json::Value::String(text) => text == wanted,
        serde_json::Value::Number(number) => number.as_f64().zip(wanted.parse().ok()).is_some_and(|(a, b): (f64, f64)| a == b),
        serde_json::Value::Bool(is) => wanted == if *is { "true" } else { "false" },
        value => value.is_null() && wanted == "null",
    })
}
