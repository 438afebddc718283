//! The values of keys: strings, names, numbers, paths; and what to say where one is something else.

use proc_macro2::Group;
use syn::{Ident, LitInt, LitStr, Path};

use crate::errors::Errors;
use crate::parse::{self, Form, Item, Value};

/// The value of a key; a key without one is told the form.
pub(crate) fn value<'a>(item: &'a Item, form: &str, errors: &mut Errors) -> Option<&'a Value> {
    match &item.form {
        Form::Value(value) => return Some(value),
        Form::Flag => errors.at(&item.key, format!("`{}` needs a value: `{form}`", item.word())),
        Form::List(_) => errors.at(&item.key, format!("`{}` takes no parentheses: `{form}`", item.word())),
    }
    None
}

/// A string; the error shows what was written as one, where that may be meant.
pub(crate) fn string<'a>(item: &'a Item, example: &str, errors: &mut Errors) -> Option<&'a LitStr> {
    let word = item.word();
    let value = value(item, &format!("{word} = \"..\""), errors)?;
    match value {
        Value::Str(text) => return Some(text),
        Value::Path(path) if path.get_ident().is_some() => {
            let meant = path.get_ident().map(ToString::to_string).unwrap_or_default();
            errors.at(value, format!("`{word}` takes a string: `{word} = \"{meant}\"`"));
        }
        _ => errors.at(value, format!("`{word}` takes a string: `{word} = \"{example}\"`")),
    }
    None
}

/// A name that can be stored.
pub(crate) fn name(item: &Item, example: &str, errors: &mut Errors) -> Option<LitStr> {
    let text = string(item, example, errors)?;
    legal_name(text, &item.word(), errors).then(|| text.clone())
}

/// A list of names.
pub(crate) fn names(item: &Item, example: &str, errors: &mut Errors) -> Vec<LitStr> {
    let word = item.word();
    let form = format!("{word} = [\"{example}\"]");
    let Some(value) = value(item, &form, errors) else { return Vec::new() };
    let array = match value {
        Value::Array(array) => array,
        Value::Str(text) => {
            errors.at(value, format!("`{word}` takes a list: `{word} = [\"{}\"]`", text.value()));
            return Vec::new();
        }
        _ => {
            errors.at(value, format!("`{word}` takes a list of strings: `{form}`"));
            return Vec::new();
        }
    };
    let mut all: Vec<LitStr> = Vec::new();
    for text in strings(array, &word, &form, errors) {
        if all.iter().any(|other| other.value() == text.value()) {
            errors.at(&text, format!("`{}` is given twice", text.value()));
        } else if legal_name(&text, &word, errors) {
            all.push(text);
        }
    }
    all
}

/// The strings of a list.
pub(crate) fn strings(array: &Group, word: &str, form: &str, errors: &mut Errors) -> Vec<LitStr> {
    let values = parse::values(array, errors);
    if values.is_empty() {
        errors.at(array, format!("`{word}` is an empty list; remove it or write `{form}`"));
    }
    let mut all = Vec::new();
    for value in values {
        match value {
            Value::Str(text) => all.push(text),
            other => errors.at(other, format!("`{word}` takes a list of strings: `{form}`")),
        }
    }
    all
}

/// What stores, brokers and command lines all bear as a name.
fn legal_name(text: &LitStr, word: &str, errors: &mut Errors) -> bool {
    let problem = name_problem(&text.value());
    if let Some(problem) = problem {
        let what = match word {
            "name" => "a job name",
            "aliases" => "an alias",
            "queue" => "a queue name",
            "tags" => "a tag",
            _ => "a name",
        };
        errors.at(text, format!("{what} {problem}"));
    }
    problem.is_none()
}

/// What is wrong with a name, if anything.
pub(crate) fn name_problem(name: &str) -> Option<&'static str> {
    if name.is_empty() {
        return Some("cannot be empty");
    }
    if !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.:/".contains(&byte)) {
        return Some("may hold only letters (a to z, A to Z), digits and `_ - . : /`");
    }
    (name.len() > 128).then_some("may be 128 bytes long at most")
}

/// A whole number between two bounds.
pub(crate) fn number(item: &Item, least: u16, most: u16, example: u16, errors: &mut Errors) -> Option<u16> {
    let word = item.word();
    let value = value(item, &format!("{word} = {example}"), errors)?;
    match value {
        Value::Int(literal) => return in_range(&word, literal, least, most, errors),
        Value::Negative(_) => errors.at(value, format!("`{word}` must be between {least} and {most}")),
        Value::Str(text) if text.value().parse::<u16>().is_ok() => {
            errors.at(value, format!("`{word}` takes a number: `{word} = {}`", text.value()));
        }
        _ => errors.at(value, format!("`{word}` takes a whole number: `{word} = {example}`")),
    }
    None
}

fn in_range(word: &str, literal: &LitInt, least: u16, most: u16, errors: &mut Errors) -> Option<u16> {
    let number = literal.base10_parse::<u16>().ok().filter(|number| (least..=most).contains(number));
    if number.is_none() {
        let zero_attempts = word == "max_attempts" && literal.base10_digits() == "0";
        errors.at(
            literal,
            if zero_attempts {
                "`max_attempts = 0` would never run the job; the least is 1".to_owned()
            } else {
                format!("`{word}` must be between {least} and {most}")
            },
        );
    }
    number
}

/// A path.
pub(crate) fn path(item: &Item, example: &str, errors: &mut Errors) -> Option<Path> {
    let word = item.word();
    let value = value(item, &format!("{word} = {example}"), errors)?;
    match value {
        Value::Path(path) => return Some(path.clone()),
        Value::Str(text) => {
            errors.at(value, format!("`{word}` takes a path without quotes: `{word} = {}`", text.value()));
        }
        _ => errors.at(value, format!("`{word}` takes a path: `{word} = {example}`")),
    }
    None
}

/// A single name, without quotes.
pub(crate) fn identifier(item: &Item, example: &str, errors: &mut Errors) -> Option<Ident> {
    let word = item.word();
    let value = value(item, &format!("{word} = {example}"), errors)?;
    match value {
        Value::Path(path) => {
            if let Some(name) = path.get_ident() {
                return Some(name.clone());
            }
            errors.at(value, format!("`{word}` takes a single name: `{word} = {example}`"));
        }
        Value::Str(text) => errors.at(value, format!("`{word}` takes a name without quotes: `{word} = {}`", text.value())),
        _ => errors.at(value, format!("`{word}` takes a name: `{word} = {example}`")),
    }
    None
}
