//! Which jobs an action is meant for: ids, all, or a filter.

use std::time::SystemTime;

use queue::job::Filter;
use queue::{JobId, JobState};

use crate::failure::Failure;

/// Which jobs an action is meant for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Target {
    /// These, and no others.
    Ids(Vec<JobId>),
    /// All that fit.
    Fitting(Box<Filter>),
}

impl Target {
    /// Reads `ID…`, `all`, or a filter. Where a filter names no states, these are meant.
    pub(crate) fn read(words: &[String], states: &[JobState]) -> Result<Self, Failure> {
        if words.is_empty() {
            return Err(Failure::usage("which jobs are meant?").hint("write ids, a filter as `kind:SendWelcomeEmail`, or `all`"));
        }
        let ids: Option<Vec<JobId>> = words.iter().map(|word| word.parse().ok()).collect();
        if let Some(ids) = ids {
            return Ok(Self::Ids(ids));
        }
        let mut filter = match words {
            [word] if word == "all" => Filter::new(),
            words if words.iter().any(|word| word == "all") => {
                return Err(
                    Failure::usage("`all` stands alone").hint("leave it out beside a filter; a kind of that name is `kind:all`")
                );
            }
            _ => filter(words)?,
        };
        if filter.states.is_empty() {
            filter.states = states.to_vec();
        }
        Ok(Self::Fitting(Box::new(filter)))
    }
}

/// Reads the words of a filter.
pub(crate) fn filter(words: &[String]) -> Result<Filter, Failure> {
    let text = words.join(" ");
    Filter::parse(&text, SystemTime::now()).map_err(|error| Failure::usage(format!("this filter cannot be read\n{error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect()
    }

    #[test]
    fn ids_all_and_filters_are_told_apart() {
        let id = JobId::new();
        let read = |text: &str| Target::read(&words(text), &[JobState::Failed]);
        assert_eq!(read(&format!("{id} {id}")).ok(), Some(Target::Ids(vec![id, id])));
        assert_eq!(read("all").ok(), Some(Target::Fitting(Box::new(Filter::new().state(JobState::Failed)))));
        let mail = Filter::new().state(JobState::Cancelled).queue("mail");
        assert_eq!(read("state:cancelled queue:mail").ok(), Some(Target::Fitting(Box::new(mail))));
        assert_eq!(read("all queue:mail").map_err(|failure| failure.code), Err(2));
        assert_eq!(read("").map_err(|failure| failure.code), Err(2));
        assert_eq!(read("stat:failed").map_err(|failure| failure.code), Err(2));
    }
}
