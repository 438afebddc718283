//! A filter as its text.

use std::borrow::Cow;
use std::fmt;

use super::{ArgIs, Filter, time};
use crate::job::JobState;

/// What ends a bare value, beside white space and quotes.
const VALUE: &[char] = &[','];

/// The same of a key of the payload.
const PATH: &[char] = &[',', ':', '.'];

/// The text that [`Filter::parse`] reads as this filter; where the page begins, how long it is and in which order is not part of it.
///
/// ```
/// use std::time::SystemTime;
/// use queue::job::{Filter, JobState};
///
/// let filter = Filter::new().state(JobState::Failed).kind("SendWelcomeEmail").tag("a b");
/// assert_eq!(filter.to_string(), "state:failed kind:SendWelcomeEmail tag:\"a b\"");
/// assert_eq!(Filter::parse(&filter.to_string(), SystemTime::now()), Ok(filter));
/// ```
///
/// Two conditions on one field of the payload are written as one, which says the same. Where nothing can fit, as two that exclude each
/// other, the text is one that `parse` refuses.
impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let texts = |values: &[String]| values.iter().map(|value| word(value, VALUE).into_owned()).collect::<Vec<_>>();
        let mut tokens = Vec::new();
        let mut list = |key: &str, values: Vec<String>| {
            if !values.is_empty() {
                tokens.push(format!("{key}:{}", values.join(",")));
            }
        };
        list("state", self.states.iter().map(JobState::to_string).collect());
        list("kind", texts(&self.kinds));
        list("queue", texts(&self.queues));
        list("tag", texts(&self.tags));
        list("id", self.ids.iter().map(ToString::to_string).collect());
        list("-kind", texts(&self.not_kinds));
        list("-queue", texts(&self.not_queues));
        list("-tag", texts(&self.not_tags));
        list("error", texts(&self.errors));
        for (index, arg) in self.args.iter().enumerate() {
            // The first one of a path stands for all of it.
            if !self.args[..index].iter().any(|other| other.path == arg.path) {
                tokens.push(condition(arg, &self.args[index..]));
            }
        }
        tokens.extend(self.since.map(|since| format!("since:{}", time::written(since))));
        tokens.extend(self.until.map(|until| format!("until:{}", time::written(until))));
        f.write_str(&tokens.join(" "))
    }
}

/// One condition, with the values that all conditions on its field allow.
fn condition(arg: &ArgIs, all: &[ArgIs]) -> String {
    let is_allowed = |value: &&String| all.iter().all(|other| other.path != arg.path || other.values.contains(value));
    let path: Vec<_> = arg.path.iter().map(|key| word(key, PATH)).collect();
    let values: Vec<_> = arg.values.iter().filter(is_allowed).map(|value| word(value, VALUE)).collect();
    format!("args.{}:{}", path.join("."), values.join(","))
}

/// The word, in quotes where it needs them.
fn word<'a>(text: &'a str, stops: &[char]) -> Cow<'a, str> {
    let is_special = |letter: char| letter == '"' || letter.is_whitespace() || stops.contains(&letter);
    match text.is_empty() || text.contains(is_special) {
        true => Cow::Owned(format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))),
        false => Cow::Borrowed(text),
    }
}
