//! The text of a filter, as people write it on the command line.

use std::ops::Range;
use std::time::SystemTime;

use super::error::shown;
use super::words::{Word, Words};
use super::{ArgIs, Filter, FilterError, time};
use crate::job::{JobId, JobState};
use crate::nearest::nearest;

/// The longest text, in bytes.
pub(super) const LONGEST: usize = 4_096;

/// The most values in one text.
const MOST_VALUES: usize = 100;

/// What stands before a colon; `args` has the path of a field besides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Key {
    State,
    Kind,
    Queue,
    Tag,
    Id,
    Error,
    Since,
    Until,
}

const KEYS: [(&str, Key); 8] = [
    ("state", Key::State),
    ("kind", Key::Kind),
    ("queue", Key::Queue),
    ("tag", Key::Tag),
    ("id", Key::Id),
    ("error", Key::Error),
    ("since", Key::Since),
    ("until", Key::Until),
];

/// Words for several states.
const STATE_GROUPS: [&str; 3] = ["waiting", "live", "terminal"];

impl Filter {
    /// Reads a filter as people write it: `state:failed kind:SendWelcomeEmail since:1h`. `docs/filter.md` has all that may be said; a
    /// span like `1h` goes back from `now`. Its opposite is `Display`.
    ///
    /// ```
    /// use std::time::{Duration, SystemTime};
    /// use queue::job::{Filter, JobState};
    ///
    /// let now = SystemTime::now();
    /// let filter = Filter::parse("SendWelcomeEmail state:failed -queue:mail since:1h", now)?;
    /// assert_eq!((filter.kinds, filter.states), (vec!["SendWelcomeEmail".to_owned()], vec![JobState::Failed]));
    /// assert_eq!(filter.since, Some(now - Duration::from_secs(3600)));
    /// # Ok::<(), queue::job::filter::FilterError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// When the text cannot be read, is longer than 4,096 bytes, or has more than 100 values; the error points at the part that is wrong.
    pub fn parse(text: &str, now: SystemTime) -> Result<Self, FilterError> {
        if text.len() > LONGEST {
            let how = format!("the filter has {} bytes, and {LONGEST} are the most", text.len());
            return Err(FilterError::new(text, text.floor_char_boundary(LONGEST)..text.len(), how));
        }
        let mut parser = Parser { words: Words::new(text), now, filter: Self::new(), not_states: Vec::new(), values: 0 };
        while parser.words.next_token() {
            parser.token()?;
        }
        parser.without_states()
    }
}

struct Parser<'a> {
    words: Words<'a>,
    now: SystemTime,
    filter: Filter,
    /// The states that are left out, and where that is said.
    not_states: Vec<(JobState, Range<usize>)>,
    /// How many values were read.
    values: usize,
}

impl Parser<'_> {
    /// `key:value,value`, `args.path:value`, or bare words; perhaps with a `-` before it.
    fn token(&mut self) -> Result<(), FilterError> {
        let start = self.words.at();
        let is_not = self.words.eat('-');
        if self.words.eat_all("args.") {
            return self.condition(start, is_not);
        }
        let head = self.words.word(&[',', ':'])?;
        if !self.words.next_is(':') {
            return self.bare(start, head, is_not);
        }
        let key = self.key(&head)?;
        if is_not && !matches!(key, Key::State | Key::Kind | Key::Queue | Key::Tag) {
            return Err(self.not_left_out(start, &head.text));
        }
        self.words.eat(':');
        let values = self.values(&[','])?;
        self.add(key, is_not, values)
    }

    fn key(&self, head: &Word) -> Result<Key, FilterError> {
        if head.is_quoted {
            return Err(self.words.wrong(
                head.span.clone(),
                "a key stands without quotes, and a value with a colon in it has quotes around all of it",
            ));
        }
        if head.is_missing() {
            let at = self.words.at();
            return Err(self.words.wrong(at..at + 1, "a key is missing before the colon"));
        }
        if let Some((_, key)) = KEYS.iter().find(|(name, _)| *name == head.text) {
            return Ok(*key);
        }
        let names = KEYS.iter().map(|(name, _)| *name);
        let how = match head.text.split_once('.') {
            _ if head.text == "args" => "`args` needs the path of a field, as in `args.user.id:42`".to_owned(),
            Some((first, path)) if nearest(first, ["args"]).is_some() => {
                format!("unknown key {}: did you mean {}?", shown(&head.text), shown(&format!("args.{path}")))
            }
            _ => match nearest(&head.text, names.clone().chain(["args"])) {
                Some(near) => format!("unknown key {}: did you mean `{near}`?", shown(&head.text)),
                None => {
                    let names: Vec<_> = names.collect();
                    format!(
                        "unknown key {}: the keys are {}, and `args.` with the path of a field",
                        shown(&head.text),
                        names.join(", ")
                    )
                }
            },
        };
        Err(self.words.wrong(head.span.clone(), how))
    }

    fn not_left_out(&self, start: usize, key: &str) -> FilterError {
        let instead = match key {
            "since" => "; write `until:`",
            "until" => "; write `since:`",
            _ => "",
        };
        let how = format!("`-{key}` cannot be said: only states, kinds, queues and tags can be left out{instead}");
        self.words.wrong(start..self.words.at(), how)
    }

    /// What stands behind a colon, or instead of a key.
    fn values(&mut self, stops: &[char]) -> Result<Vec<Word>, FilterError> {
        let mut values = Vec::new();
        loop {
            let word = self.words.word(stops)?;
            values.push(self.counted(word)?);
            if !self.words.eat(',') {
                return Ok(values);
            }
        }
    }

    /// A value that is there, and not one too many.
    fn counted(&mut self, word: Word) -> Result<Word, FilterError> {
        if word.is_missing() {
            return Err(self
                .words
                .wrong(word.span, "a value is missing here: it follows without a space, and is `\"\"` where it is empty"));
        }
        self.values += 1;
        if self.values > MOST_VALUES {
            return Err(self.words.wrong(word.span, format!("more than {MOST_VALUES} values in one filter")));
        }
        Ok(word)
    }

    /// `SendWelcomeEmail`, or the id of a job.
    fn bare(&mut self, start: usize, head: Word, is_not: bool) -> Result<(), FilterError> {
        if is_not && head.is_missing() {
            return Err(self
                .words
                .wrong(start..self.words.at(), "nothing follows the `-`: write `-kind:` and what to leave out"));
        }
        let mut words = vec![self.counted(head)?];
        if self.words.eat(',') {
            words.extend(self.values(&[',', ':'])?);
        }
        if self.words.next_is(':') {
            let at = self.words.at();
            return Err(self.words.wrong(at..at + 1, "a colon behind a list without a key: write `kind:` before the list"));
        }
        let is_id = |word: &Word| !word.is_quoted && word.text.parse::<JobId>().is_ok();
        match words.iter().filter(|word| is_id(word)).count() {
            0 => self.add(Key::Kind, is_not, words),
            _ if is_not => Err(self.not_left_out(start, "id")),
            ids if ids == words.len() => self.add(Key::Id, is_not, words),
            _ => {
                let how = "job ids and kinds in one list: a job has to fit both, so write them apart";
                Err(self.words.wrong(start..self.words.at(), how))
            }
        }
    }

    /// Behind `args.`.
    fn condition(&mut self, start: usize, is_not: bool) -> Result<(), FilterError> {
        let mut path = Vec::new();
        loop {
            let key = self.words.word(&['.', ':', ','])?;
            if key.is_missing() {
                return Err(self.words.wrong(key.span, "the name of a field is missing here: write `args.user.id:42`"));
            }
            path.push(key.text);
            if !self.words.eat('.') {
                break;
            }
        }
        if is_not {
            return Err(self.not_left_out(start, "args"));
        }
        if !self.words.eat(':') {
            let how = "a field of the payload without a value: write `args.user.id:42`, or `kind:` before the name of a kind";
            return Err(self.words.wrong(start..self.words.at(), how));
        }
        let values: Vec<_> = self.values(&[','])?.into_iter().map(|word| word.text).collect();
        match self.filter.args.iter_mut().find(|arg| arg.path == path) {
            Some(arg) => arg.values.extend(values),
            None => self.filter.args.push(ArgIs { path, values }),
        }
        Ok(())
    }

    fn add(&mut self, key: Key, is_not: bool, values: Vec<Word>) -> Result<(), FilterError> {
        let filter = &mut self.filter;
        let texts = |values: Vec<Word>| values.into_iter().map(|word| word.text);
        match (key, is_not) {
            (Key::Kind, false) => filter.kinds.extend(texts(values)),
            (Key::Kind, true) => filter.not_kinds.extend(texts(values)),
            (Key::Queue, false) => filter.queues.extend(texts(values)),
            (Key::Queue, true) => filter.not_queues.extend(texts(values)),
            (Key::Tag, false) => filter.tags.extend(texts(values)),
            (Key::Tag, true) => filter.not_tags.extend(texts(values)),
            (Key::Error, _) => filter.errors.extend(texts(values)),
            (Key::Id, _) => {
                for word in values {
                    let id = word.text.parse().map_err(|_| self.no_id(&word))?;
                    self.filter.ids.push(id);
                }
            }
            (Key::State, _) => {
                for word in values {
                    let states = self.states(&word)?;
                    match is_not {
                        false => self.filter.states.extend(states),
                        true => self.not_states.extend(states.into_iter().map(|state| (state, word.span.clone()))),
                    }
                }
            }
            (Key::Since, _) => self.filter.since = Some(self.time("since", self.filter.since, values)?),
            (Key::Until, _) => self.filter.until = Some(self.time("until", self.filter.until, values)?),
        }
        Ok(())
    }

    fn no_id(&self, word: &Word) -> FilterError {
        let how = format!("{} is not a job id; one looks like 01936f2e-6b5a-7cc3-98c4-dc0c0c07398f", shown(&word.text));
        self.words.wrong(word.span.clone(), how)
    }

    fn states(&self, word: &Word) -> Result<Vec<JobState>, FilterError> {
        let all = JobState::ALL.into_iter();
        let states: Vec<_> = match word.text.as_str() {
            "waiting" => all.filter(|state| state.is_waiting()).collect(),
            "live" => all.filter(|state| !state.is_terminal()).collect(),
            "terminal" => all.filter(|state| state.is_terminal()).collect(),
            name => all.filter(|state| state.as_str() == name).collect(),
        };
        if !states.is_empty() {
            return Ok(states);
        }
        let known: Vec<_> = JobState::ALL.iter().map(|state| state.as_str()).chain(STATE_GROUPS).collect();
        let meant = nearest(&word.text, known.iter().copied()).map(|near| format!("did you mean `{near}`? ")).unwrap_or_default();
        let how = format!("{} is not a state: {meant}known are {}", shown(&word.text), known.join(", "));
        Err(self.words.wrong(word.span.clone(), how))
    }

    fn time(&self, key: &str, before: Option<SystemTime>, mut values: Vec<Word>) -> Result<SystemTime, FilterError> {
        let Some(word) = values.pop() else { return Ok(self.now) };
        if before.is_some() || !values.is_empty() {
            return Err(self.words.wrong(word.span, format!("`{key}` is one time, and this is the second")));
        }
        time::parse(&word.text, self.now).map_err(|how| self.words.wrong(word.span, how))
    }

    /// Takes away the states that are left out: of those that are named, or of all.
    fn without_states(mut self) -> Result<Filter, FilterError> {
        let Some((_, last)) = self.not_states.last() else { return Ok(self.filter) };
        let last = last.clone();
        if self.filter.states.is_empty() {
            self.filter.states = JobState::ALL.to_vec();
        }
        self.filter.states.retain(|state| self.not_states.iter().all(|(not, _)| not != state));
        if self.filter.states.is_empty() {
            return Err(self.words.wrong(last, "no state is left"));
        }
        Ok(self.filter)
    }
}
