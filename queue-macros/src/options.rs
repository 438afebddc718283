//! The keys of `#[queueable(..)]`.

use std::time::Duration;

use syn::{Attribute, Ident, LitStr, Path};

use crate::backoff::{self, Backoff};
use crate::errors::Errors;
use crate::model;
use crate::parse::{self, Form, Item, Value};
use crate::values::{identifier, name, names, number, path, string, strings, value};
use crate::{duration, suggest};

const KEYS: [&str; 15] = [
    "name",
    "aliases",
    "queue",
    "tags",
    "priority",
    "max_attempts",
    "timeout",
    "backoff",
    "unique",
    "version",
    "upgrade",
    "blocking",
    "constructor",
    "args",
    "crate",
];

/// Words of other systems for the same thing.
const OTHER_WORDS: [(&str, &str); 9] = [
    ("kind", "name"),
    ("rename", "name"),
    ("tries", "max_attempts"),
    ("attempts", "max_attempts"),
    ("retries", "max_attempts"),
    ("retry", "max_attempts"),
    ("max_retries", "max_attempts"),
    ("sync", "blocking"),
    ("migrate", "upgrade"),
];

/// What `#[queueable(..)]` says; `None` where it is silent.
#[derive(Default)]
pub(crate) struct Options {
    pub(crate) name: Option<LitStr>,
    pub(crate) aliases: Vec<LitStr>,
    pub(crate) queue: Option<LitStr>,
    pub(crate) tags: Vec<LitStr>,
    pub(crate) priority: Option<u8>,
    pub(crate) max_attempts: Option<u16>,
    /// `Some(None)` is `"none"`.
    pub(crate) timeout: Option<Option<Duration>>,
    pub(crate) backoff: Option<Backoff>,
    pub(crate) unique: Option<Unique>,
    pub(crate) version: Option<u16>,
    pub(crate) upgrade: Option<Path>,
    pub(crate) blocking: bool,
    pub(crate) constructor: Option<Ident>,
    pub(crate) args: Option<Ident>,
    pub(crate) root: Option<Path>,
}

/// What `unique` says.
#[derive(Default)]
pub(crate) struct Unique {
    pub(crate) fields: Option<Vec<Ident>>,
    pub(crate) name: Option<LitStr>,
}

/// Reads all `#[queueable(..)]` of a struct as one.
pub(crate) fn read(attributes: &[Attribute], errors: &mut Errors) -> Options {
    let mut options = Options::default();
    let words = parse::words(attributes, "queueable", "name = \"..\"", errors);
    for item in &words {
        options.take(&item.word(), item, errors);
    }
    let word = |word: &str| words.iter().find(|item| item.word() == word);
    if let (Some(upgrade), None) = (word("upgrade"), word("version")) {
        errors.at(&upgrade.key, "`upgrade` is never called for payloads of version 1; add `version = 2`");
    }
    options
}

impl Options {
    fn take(&mut self, word: &str, item: &Item, errors: &mut Errors) {
        match word {
            "name" => self.name = name(item, "welcome", errors),
            "queue" => self.queue = name(item, "mail", errors),
            "aliases" => self.aliases = names(item, "OldName", errors),
            "tags" => self.tags = names(item, "billing", errors),
            "priority" => self.priority = number(item, 0, 255, 100, errors).and_then(|number| u8::try_from(number).ok()),
            "max_attempts" => self.max_attempts = number(item, 1, 1000, 3, errors),
            "version" => self.version = number(item, 1, u16::MAX, 2, errors),
            "timeout" => self.timeout = timeout(item, errors),
            "backoff" => self.backoff = backoff(item, errors),
            "unique" => self.unique = unique(item, errors),
            "upgrade" => self.upgrade = path(item, "path::to::function", errors),
            "blocking" => {
                self.blocking = true;
                if !matches!(item.form, Form::Flag) {
                    errors.at(&item.key, "`blocking` takes no value: write `blocking`, or remove it");
                }
            }
            "constructor" => self.constructor = identifier(item, "with_user", errors),
            "args" => self.args = identifier(item, "Arguments", errors),
            "crate" => self.root = root(item, errors),
            _ => errors.at(&item.key, unknown(word)),
        }
    }
}

fn unknown(word: &str) -> String {
    let other = OTHER_WORDS.iter().find(|(other, _)| *other == word);
    let answer = other.map_or_else(|| suggest::known(word, &KEYS), |(_, meant)| format!("did you mean `{meant}`?"));
    format!("unknown key `{word}` in `#[queueable]`; {answer}")
}

fn timeout(item: &Item, errors: &mut Errors) -> Option<Option<Duration>> {
    if let Form::Value(Value::Int(number)) = &item.form {
        errors.at(number, format!("`timeout` takes a string with a unit: `timeout = \"{}s\"`", number.base10_digits()));
        return None;
    }
    let text = string(item, "30s", errors)?;
    if text.value() == "none" {
        return Some(None);
    }
    match duration::parse(&text.value()) {
        Ok(Duration::ZERO) => {
            errors.at(text, "a timeout of nothing would end every run; for no limit write `timeout = \"none\"`");
        }
        Ok(duration) => return Some(Some(duration)),
        Err(problem) => errors.at(text, problem),
    }
    None
}

fn backoff(item: &Item, errors: &mut Errors) -> Option<Backoff> {
    if let Form::Value(Value::Array(array)) = &item.form {
        let texts = strings(array, "backoff", "backoff = [\"10s\", \"1m\"]", errors);
        let mut all = Vec::new();
        for text in &texts {
            match duration::parse(&text.value()) {
                Ok(delay) => all.push(delay),
                Err(problem) => errors.at(text, problem),
            }
        }
        return (!all.is_empty()).then_some(Backoff::List(all));
    }
    if let Form::Value(written) = &item.form
        && !matches!(written, Value::Str(_))
    {
        errors.at(
            written,
            "`backoff` takes a string, `backoff = \"exponential(15s, 6h)\"`, or a list, `backoff = [\"10s\", \"1m\"]`",
        );
        return None;
    }
    let text = string(item, "exponential(15s, 6h)", errors)?;
    backoff::parse(&text.value()).map_err(|problem| errors.at(text, problem)).ok()
}

fn unique(item: &Item, errors: &mut Errors) -> Option<Unique> {
    let list = match &item.form {
        Form::Flag => return Some(Unique::default()),
        Form::List(list) => list,
        Form::Value(written) => {
            errors.at(written, "`unique` takes no value: write `unique` or `unique(fields = [user_id])`");
            return None;
        }
    };
    if list.stream().is_empty() {
        errors.at(&item.key, "`unique()` is empty; write `unique` or `unique(fields = [user_id])`");
    }
    let mut unique = Unique::default();
    let mut seen: Vec<String> = Vec::new();
    for item in parse::items(list.stream(), errors) {
        let word = item.word();
        if seen.contains(&word) {
            errors.at(&item.key, format!("`{word}` is given twice"));
            continue;
        }
        match word.as_str() {
            "name" => unique.name = name(&item, "account", errors),
            "fields" => unique.fields = unique_fields(&item, errors),
            _ => {
                errors.at(&item.key, format!("unknown key `{word}` in `unique`; {}", suggest::known(&word, &["fields", "name"])));
            }
        }
        seen.push(word);
    }
    Some(unique)
}

fn unique_fields(item: &Item, errors: &mut Errors) -> Option<Vec<Ident>> {
    const FORM: &str = "fields = [user_id]";
    let value = value(item, FORM, errors)?;
    let Value::Array(array) = value else {
        errors.at(value, format!("`fields` takes a list of payload fields: `{FORM}`"));
        return None;
    };
    let values = parse::values(array, errors);
    if values.is_empty() {
        errors.at(array, "`fields` is empty; name the payload fields that count, or write `unique` for all of them");
    }
    let mut fields: Vec<Ident> = Vec::new();
    for value in values {
        let field = match &value {
            Value::Path(path) => path.get_ident(),
            _ => None,
        };
        match field {
            Some(field) if fields.contains(field) => errors.at(field, format!("`{field}` is given twice")),
            Some(field) => fields.push(field.clone()),
            None => errors.at(&value, unquoted(&value)),
        }
    }
    Some(fields)
}

fn unquoted(value: &Value) -> String {
    match value {
        Value::Str(text) => format!("a field is named without quotes: `fields = [{}]`", text.value()),
        _ => "`fields` takes names of payload fields: `fields = [user_id]`".to_owned(),
    }
}

/// Where `queue` is: a path that means the same wherever the code is put.
pub(crate) fn root(item: &Item, errors: &mut Errors) -> Option<Path> {
    if let Form::Value(Value::Str(text)) = &item.form {
        errors.at(text, "`crate` takes a path without quotes: `crate = ::my_app::queue`");
        return None;
    }
    let root = path(item, "::my_app::queue", errors)?;
    let first = root.segments.first().map(|segment| segment.ident.to_string()).unwrap_or_default();
    if first == "$crate" {
        // serde takes the path as a string, and `$crate` means nothing in one.
        errors.at(&root, "`$crate` cannot be used here; name the crate: `crate = ::my_app::queue`");
        return None;
    }
    if root.leading_colon.is_none() && first != "crate" {
        let written = model::shown(&root);
        errors.at(&root, format!("use an absolute path: `crate = ::{written}`, or `crate = crate::{written}`"));
        return None;
    }
    Some(root)
}
