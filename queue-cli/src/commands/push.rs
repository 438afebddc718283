//! `queue:push`.

use std::collections::BTreeMap;
use std::error::Error;
use std::io::Read as _;
use std::time::{Duration, SystemTime};

use clap::Args;
use queue::Registry;
use queue::drivers::{Due, Extra, NewJob};
use queue::registry::Entry;
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::{Ended, Group, Run, Spec};
use crate::arguments::{duration, queue_name};
use crate::exit;
use crate::failure::{Failure, chain};
use crate::output::plain;
use crate::session::Session;

/// Pushes a job.
#[derive(Debug, Args)]
pub(crate) struct Push {
    /// Which job, as `SendWelcomeEmail`
    kind: String,
    /// Its arguments: a JSON object, `-` for one on standard input, or FIELD=VALUE…; nothing for none
    #[arg(value_name = "JSON | - | FIELD=VALUE…")]
    args: Vec<String>,
    /// Due after this time
    #[arg(long, value_name = "TIME", value_parser = duration, conflicts_with = "at")]
    delay: Option<Duration>,
    /// Due at this time, as 2026-12-24T18:00:00Z
    #[arg(long, value_name = "TIME", value_parser = time)]
    at: Option<SystemTime>,
    /// In this queue, instead of that of its type
    #[arg(long, value_parser = queue_name)]
    queue: Option<String>,
    /// Lower goes first, 0 to 255, instead of that of its type
    #[arg(long)]
    priority: Option<u8>,
    /// How many attempts it may have, instead of those of its type
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=1000))]
    max_attempts: Option<u16>,
    /// At most one live job of this kind with this key
    #[arg(long, value_name = "KEY")]
    unique: Option<String>,
    /// A word to find it by
    #[arg(long, value_name = "WORD")]
    tag: Vec<String>,
}

#[derive(Debug, Serialize)]
struct PushedRecord {
    id: String,
    kind: String,
    queue: String,
    /// A live job had its unique key: nothing was stored, and the id is that job's.
    duplicate: bool,
}

impl Run for Push {
    const SPEC: Spec = Spec {
        noun: "queue",
        verb: "push",
        group: Group::Work,
        about: "Push a job",
        more: "The arguments are decoded as those of its type first: what it could not read is not stored.",
        examples: [
            ("queue:push SendWelcomeEmail '{\"user_id\":42}'", "a job with arguments"),
            ("queue:push SendWelcomeEmail user_id=42 --delay 10m", "the same in short, in ten minutes"),
            ("queue:push PurgeSessions", "a job without arguments"),
        ],
        needs_jobs: true,
    };

    async fn run(self, mut session: Session) -> Ended {
        let registry = Registry::linked();
        let entry = registry.find(&self.kind).ok_or_else(|| unknown_kind(&self.kind, &registry))?;
        let payload = payload(&self.args)?;
        let wrong = |error: &(dyn Error + 'static)| {
            Failure::new(exit::FAILED, format!("these are no arguments of `{}`: {}", entry.kind, chain(error)))
                .hint(format!("the arguments were {}", plain(&shortened(&payload))))
        };
        entry.decode(payload.as_bytes(), entry.options.version).map_err(|error| wrong(error.source().unwrap_or(&error)))?;
        let job = self.changed(entry.job(payload.as_bytes()).map_err(|error| wrong(&error))?);
        let note = left_out(&payload, &job.payload);
        let (kind, lane) = (job.kind.to_string(), job.queue.to_string());
        let queue = session.push().await?;
        let pushed = queue.dispatch(job).await?;
        // A field may have another name when it is stored, so this is no failure.
        note.into_iter().for_each(|note| session.output.say(note));
        let record = PushedRecord { id: pushed.id.to_string(), kind, queue: lane, duplicate: pushed.is_duplicate };
        let said = session.output.document(&record, || {
            let PushedRecord { id, kind, queue, duplicate } = &record;
            match duplicate {
                false => vec![format!("pushed {kind} {id} into `{}`", plain(queue))],
                true => vec![format!("{kind} {id} has the unique key already: nothing was pushed")],
            }
        });
        said.map_err(|error| match Failure::from(error) {
            // Whoever does not hear it must not push it again.
            failure if failure.code == exit::FAILED => failure.hint(format!("job {} is stored all the same", record.id)),
            failure => failure,
        })?;
        Ok(exit::DONE)
    }
}

impl Push {
    /// With what the options say.
    fn changed(&self, mut job: NewJob) -> NewJob {
        if let Some(delay) = self.delay {
            job.due = Due::In(delay);
        }
        if let Some(at) = self.at {
            job.due = Due::At(at);
        }
        if let Some(queue) = &self.queue {
            job.queue = queue.as_str().into();
        }
        job.priority = self.priority.unwrap_or(job.priority);
        job.max_attempts = self.max_attempts.unwrap_or(job.max_attempts);
        if !self.tag.is_empty() {
            job.extra.get_or_insert_with(|| Box::new(Extra::default())).tags.extend(self.tag.iter().cloned());
        }
        match &self.unique {
            Some(key) => job.with_unique_key(key),
            None => job,
        }
    }
}

/// What is said of a kind that no job here has.
pub(super) fn unknown_kind(kind: &str, registry: &Registry) -> Failure {
    let known: Vec<&str> = registry.entries().map(|entry: &Entry| entry.kind).collect();
    let failure = Failure::new(exit::FAILED, format!("no job here has the kind `{}`", plain(kind)));
    match (queue::nearest::nearest(kind, known.iter().copied()), known.is_empty()) {
        (Some(near), _) => failure.hint(format!("did you mean `{near}`?")),
        (None, true) => {
            failure.hint("no job is registered: the binary needs `use your_crate as _;`, so that the linker keeps its jobs")
        }
        (None, false) => failure.hint(format!("known are {}", known.join(", "))),
    }
}

/// The arguments as JSON.
fn payload(words: &[String]) -> Result<String, Failure> {
    match words {
        [] => Ok("{}".to_owned()),
        [word] if word == "-" => from_input(),
        [word] if word.trim_start().starts_with('{') => Ok(word.clone()),
        words => object(words),
    }
}

/// More than any store takes, and not so much that whoever pipes a dump in fills the memory.
const MOST: u64 = 2 * 1024 * 1024;

fn from_input() -> Result<String, Failure> {
    let failed = |text: String| Failure::new(exit::FAILED, text);
    let mut bytes = Vec::new();
    let read = std::io::stdin().lock().take(MOST).read_to_end(&mut bytes);
    read.map_err(|error| failed(format!("cannot read standard input: {error}")))?;
    if bytes.len() as u64 == MOST {
        return Err(failed("standard input has more than the 1 MiB that a payload may have".to_owned()));
    }
    let text = String::from_utf8(bytes).map_err(|_| failed("standard input is no valid UTF-8".to_owned()))?;
    match text.trim() {
        "" => Err(failed("standard input is empty".to_owned()).hint("it should have a JSON object, as {\"user_id\":42}")),
        _ => Ok(text),
    }
}

/// The fields that were given, and of which nothing is stored.
fn left_out(given: &str, stored: &[u8]) -> Option<String> {
    let given: Map<String, Value> = serde_json::from_str(given).ok()?;
    let stored: Map<String, Value> = serde_json::from_slice(stored).ok()?;
    let quoted =
        |keys: &mut dyn Iterator<Item = &String>| keys.map(|key| format!("`{}`", plain(key))).collect::<Vec<_>>().join(", ");
    let left = quoted(&mut given.keys().filter(|key| !stored.contains_key(*key)));
    match (left.is_empty(), stored.is_empty()) {
        (true, _) => None,
        (false, true) => Some(format!("note: {left} is not stored: the job has no arguments")),
        (false, false) => Some(format!(
            "note: {left} is no field that is stored, only {} are: was another meant, or is it an alias?",
            quoted(&mut stored.keys())
        )),
    }
}

/// Fields as a JSON object, every digit as it was written.
fn object(words: &[String]) -> Result<String, Failure> {
    let mut fields: BTreeMap<&str, Box<RawValue>> = BTreeMap::new();
    for word in words {
        let (key, value) = field(word)?;
        if fields.insert(key, value).is_some() {
            return Err(Failure::usage(format!("the field `{}` is there twice", plain(key))));
        }
    }
    serde_json::to_string(&fields).map_err(|error| Failure::new(exit::FAILED, error.to_string()))
}

/// Reads `user_id=42`: what is JSON is taken as that, and all else as text.
fn field(word: &str) -> Result<(&str, Box<RawValue>), Failure> {
    let wrong = || {
        Failure::usage(format!("`{}` is neither a JSON object nor FIELD=VALUE", plain(word)))
            .hint("as `'{\"user_id\":42}'` or `user_id=42`; a text that looks like a number: `code='\"42\"'`")
    };
    let (key, value) = word.split_once('=').filter(|(key, _)| !key.is_empty()).ok_or_else(wrong)?;
    let json = RawValue::from_string(value.to_owned()).or_else(|_| serde_json::value::to_raw_value(value));
    Ok((key, json.map_err(|_| wrong())?))
}

fn shortened(text: &str) -> String {
    if text.chars().count() <= 200 { text.to_owned() } else { text.chars().take(200).chain(['…']).collect() }
}

/// Reads a time.
fn time(text: &str) -> Result<SystemTime, String> {
    let wrong = |error: jiff::Error| format!("{error}; write it as 2026-12-24T18:00:00Z");
    let time: jiff::Timestamp = text.parse().map_err(wrong)?;
    let passed =
        Duration::try_from(time.duration_since(jiff::Timestamp::UNIX_EPOCH)).map_err(|_| "a time before 1970".to_owned())?;
    Ok(SystemTime::UNIX_EPOCH + passed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(words: &[&str]) -> Result<String, u8> {
        payload(&words.iter().map(ToString::to_string).collect::<Vec<_>>()).map_err(|failure| failure.code)
    }

    #[test]
    fn arguments_are_json_or_fields() {
        assert_eq!(read(&[]), Ok("{}".to_owned()));
        assert_eq!(read(&[r#"{"a":1}"#]), Ok(r#"{"a":1}"#.to_owned()));
        assert_eq!(
            read(&["a=1", "b=x y", r#"c="1""#, "d=", "e=[1,2]"]),
            Ok(r#"{"a":1,"b":"x y","c":"1","d":"","e":[1,2]}"#.to_owned())
        );
        assert_eq!(read(&["a=18446744073709551616", "b=1e400"]), Ok(r#"{"a":18446744073709551616,"b":1e400}"#.to_owned()));
        assert_eq!(read(&["a=1", "a=2"]), Err(2));
        assert_eq!(read(&["a"]), Err(2));
        assert_eq!(read(&["=1"]), Err(2));
    }
}
