//! `#[inject]` on a field.

use proc_macro2::Span;
use syn::{Attribute, LitStr};

use crate::errors::Errors;
use crate::parse::{self, Form, Item, Value};
use crate::suggest;

const KEYS: [&str; 3] = ["name", "clone", "optional"];

/// What `#[inject(..)]` says.
#[derive(Default)]
pub(crate) struct Inject {
    pub(crate) name: Option<LitStr>,
    /// Where `clone` stands.
    pub(crate) clone: Option<Span>,
    /// Where `optional` stands.
    pub(crate) optional: Option<Span>,
}

/// Reads the `#[inject]` of a field; `None` when it has none and is payload.
pub(crate) fn read(attributes: &[Attribute], errors: &mut Errors) -> Option<Inject> {
    let mut inject: Option<Inject> = None;
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("inject")) {
        if inject.is_some() {
            errors.at(&attribute.meta, "`#[inject]` is given twice on this field");
            continue;
        }
        let mut read = Inject::default();
        let mut seen: Vec<String> = Vec::new();
        for item in parse::attribute(attribute, "inject", "name = \"..\"", errors) {
            let word = item.word();
            if seen.contains(&word) {
                errors.at(&item.key, format!("`{word}` is given twice"));
                continue;
            }
            match word.as_str() {
                "name" => read.name = name(&item, errors),
                "clone" => read.clone = flag(&item, errors),
                "optional" => read.optional = flag(&item, errors),
                _ => errors.at(&item.key, format!("unknown key `{word}` in `#[inject]`; {}", suggest::known(&word, &KEYS))),
            }
            seen.push(word);
        }
        inject = Some(read);
    }
    inject
}

fn name(item: &Item, errors: &mut Errors) -> Option<LitStr> {
    match &item.form {
        Form::Value(Value::Str(name)) if name.value().is_empty() => errors.at(name, "the name of a binding cannot be empty"),
        Form::Value(Value::Str(name)) => return Some(name.clone()),
        Form::Value(other) => errors.at(other, "`name` takes a string literal: `name = \"audit\"`"),
        Form::Flag | Form::List(_) => errors.at(&item.key, "`name` needs a value: `name = \"..\"`"),
    }
    None
}

fn flag(item: &Item, errors: &mut Errors) -> Option<Span> {
    if !matches!(item.form, Form::Flag) {
        errors.at(&item.key, format!("`{0}` takes no value: write `{0}`, or remove it", item.word()));
    }
    Some(item.key.span())
}
