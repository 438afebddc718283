//! `#[serde(..)]` on payload fields and on the struct: handed on to the `Args` struct, but for what would break a payload.

use proc_macro2::Span;
use syn::ext::IdentExt;
use syn::{Attribute, Ident, LitStr, Type};

use crate::errors::Errors;
use crate::model::last_segment;
use crate::parse::{self, Form, Item, Value};

/// What the struct's own `#[serde(..)]` may say.
const ON_STRUCT: &str = "`rename_all`, `default = \"path\"`, `deny_unknown_fields`, `bound`, `expecting`";

/// `#[serde(..)]` of the struct.
#[derive(Default)]
pub(crate) struct Container {
    pub(crate) forwarded: Vec<Attribute>,
    pub(crate) rename_all: Option<Case>,
    pub(crate) default: bool,
    pub(crate) bound: bool,
}

/// `#[serde(..)]` of a payload field.
#[derive(Default)]
pub(crate) struct Wire {
    pub(crate) forwarded: Vec<Attribute>,
    /// The key in the stored object; `None` when it has none of its own.
    pub(crate) key: Option<String>,
    /// Whether serde takes the type as it is, so that it must bear serde.
    pub(crate) plain: bool,
}

/// How `rename_all` writes the name of a field.
#[derive(Clone, Copy)]
pub(crate) enum Case {
    Lower,
    Upper,
    Pascal,
    Camel,
    Snake,
    ScreamingSnake,
    Kebab,
    ScreamingKebab,
}

impl Case {
    fn read(text: &str) -> Option<Self> {
        Some(match text {
            "lowercase" => Self::Lower,
            "UPPERCASE" => Self::Upper,
            "PascalCase" => Self::Pascal,
            "camelCase" => Self::Camel,
            "snake_case" => Self::Snake,
            "SCREAMING_SNAKE_CASE" => Self::ScreamingSnake,
            "kebab-case" => Self::Kebab,
            "SCREAMING-KEBAB-CASE" => Self::ScreamingKebab,
            _ => return None,
        })
    }

    /// A field's name, which is snake case, in this case.
    fn apply(self, field: &str) -> String {
        match self {
            Self::Lower | Self::Snake => field.to_owned(),
            Self::Upper | Self::ScreamingSnake => field.to_ascii_uppercase(),
            Self::Kebab => field.replace('_', "-"),
            Self::ScreamingKebab => field.to_ascii_uppercase().replace('_', "-"),
            Self::Pascal => pascal(field),
            Self::Camel => {
                let pascal = pascal(field);
                let mut letters = pascal.chars();
                letters.next().map(|first| first.to_ascii_lowercase()).into_iter().chain(letters).collect()
            }
        }
    }
}

fn pascal(field: &str) -> String {
    let mut pascal = String::new();
    let mut capital = true;
    for letter in field.chars() {
        if letter == '_' {
            capital = true;
        } else {
            pascal.push(if capital { letter.to_ascii_uppercase() } else { letter });
            capital = false;
        }
    }
    pascal
}

/// Reads the struct's `#[serde(..)]`.
pub(crate) fn container(attributes: &[Attribute], errors: &mut Errors) -> Container {
    let mut container = Container::default();
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("serde")) {
        for item in parse::attribute(attribute, "serde", "rename_all = \"camelCase\"", errors) {
            match (item.word().as_str(), &item.form) {
                ("rename_all", Form::Value(Value::Str(text))) => container.rename_all = Case::read(&text.value()),
                ("rename_all", Form::List(_)) => {
                    errors
                        .at(&item.key, "a payload is read back as it was stored: write `rename_all = \"..\"`, one for both ways");
                }
                ("default", Form::Value(_)) => container.default = true,
                ("default", _) => {
                    errors.at(&item.key, "the payload's struct has no `Default`; put `#[serde(default)]` on the fields");
                }
                ("bound", _) => container.bound = true,
                ("rename_all" | "deny_unknown_fields" | "expecting", _) => {}
                (word, _) => errors.at(&item.key, refusal(word)),
            }
        }
        container.forwarded.push(attribute.clone());
    }
    container
}

fn refusal(word: &str) -> String {
    match word {
        "rename" => "the stored name of a job is `#[queueable(name = \"..\")]`".to_owned(),
        "crate" => "the derive sets this; where `queue` is, is `#[queueable(crate = ::path::to::queue)]`".to_owned(),
        "tag" | "untagged" | "content" | "transparent" | "from" | "try_from" | "into" | "remote" => {
            format!("a payload is a JSON object of the fields, so `{word}` cannot be used on a job; {ON_STRUCT} can")
        }
        _ => format!("`{word}` cannot be used on a job; {ON_STRUCT} can"),
    }
}

/// Reads the `#[serde(..)]` of a payload field.
pub(crate) fn wire(attributes: &[Attribute], name: &Ident, ty: &Type, container: &Container, errors: &mut Errors) -> Wire {
    let mut wire = Wire { plain: true, ..Wire::default() };
    let mut renamed = None;
    let mut flat = false;
    let (mut default, mut own_reader) = (container.default, false);
    let (mut unwritten, mut unread): (Option<Span>, Option<Span>) = (None, None);
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("serde")) {
        for item in parse::attribute(attribute, "serde", "default", errors) {
            let at = item.key.span();
            match item.word().as_str() {
                "rename" => renamed = rename(&item, errors),
                "default" => default = true,
                "skip" => (wire.plain, flat, default) = (false, true, true),
                "skip_serializing" => (unwritten, wire.plain, flat) = (Some(at), false, true),
                "skip_serializing_if" => unwritten = Some(at),
                "skip_deserializing" => (unread, wire.plain) = (Some(at), false),
                "flatten" => (wire.plain, flat) = (false, true),
                "with" | "deserialize_with" => (wire.plain, own_reader) = (false, true),
                "serialize_with" | "bound" => wire.plain = false,
                _ => {}
            }
        }
        wire.forwarded.push(attribute.clone());
    }
    // serde reads an absent `Option` as `None`, but not through a function.
    let reads_absent = default || (!own_reader && last_segment(ty).is_some_and(|segment| segment.ident == "Option"));
    match (unwritten, unread) {
        (None, Some(at)) => errors.at_span(at, format!("`{name}` would be stored and never read; write `skip` for both ways")),
        (Some(at), None) if !reads_absent => {
            errors.at_span(at, format!("`{name}` would be missed when the job is read back; add `default`"));
        }
        _ => {}
    }
    let bare = name.unraw().to_string();
    let key = renamed.unwrap_or_else(|| container.rename_all.map_or_else(|| bare.clone(), |case| case.apply(&bare)));
    wire.key = (!flat).then_some(key);
    wire
}

fn rename(item: &Item, errors: &mut Errors) -> Option<String> {
    match &item.form {
        Form::Value(Value::Str(text)) => Some(text.value()),
        Form::List(list) => {
            let both: Vec<LitStr> = parse::items(list.stream(), errors)
                .into_iter()
                .filter_map(|item| match item.form {
                    Form::Value(Value::Str(text)) => Some(text),
                    _ => None,
                })
                .collect();
            if both.len() != 2 || both[0].value() != both[1].value() {
                errors.at(&item.key, "a payload is read back as it was stored: write `rename = \"..\"`, one for both ways");
            }
            both.first().map(LitStr::value)
        }
        _ => None,
    }
}

/// A `#[serde(..)]` on a field that serde never sees.
pub(crate) fn refuse_on_service(attributes: &[Attribute], label: &str, errors: &mut Errors) {
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("serde")) {
        errors
            .at(&attribute.meta, format!("`{label}` is injected and never stored, so `#[serde]` has no meaning here; remove it"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cases_are_those_of_serde() {
        for (case, written) in [
            ("lowercase", "user_id"),
            ("UPPERCASE", "USER_ID"),
            ("PascalCase", "UserId"),
            ("camelCase", "userId"),
            ("snake_case", "user_id"),
            ("SCREAMING_SNAKE_CASE", "USER_ID"),
            ("kebab-case", "user-id"),
            ("SCREAMING-KEBAB-CASE", "USER-ID"),
        ] {
            assert_eq!(Case::read(case).map(|case| case.apply("user_id")).as_deref(), Some(written), "{case}");
        }
        assert!(Case::read("Train-Case").is_none());
    }
}
