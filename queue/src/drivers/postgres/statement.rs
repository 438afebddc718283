//! Statements and what is bound to them, prepared or as one text.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

use sqlx::postgres::{PgArguments, Postgres};
use sqlx::{Arguments, Encode, Type};
use uuid::Uuid;

/// How statements reach the server, and what stands for `{schema}` in them.
#[derive(Debug)]
pub(super) struct Dialect {
    schema: String,
    is_prepared: bool,
    texts: Mutex<HashMap<&'static str, Arc<str>>>,
}

impl Dialect {
    /// For the tables of a schema; prepared once a connection, or sent as texts, which a pooler between here and the server needs.
    pub(super) fn new(schema: &str, is_prepared: bool) -> Self {
        Self { schema: format!("\"{schema}\""), is_prepared, texts: Mutex::default() }
    }

    pub(super) fn is_prepared(&self) -> bool {
        self.is_prepared
    }

    /// A statement of `sql/`, to which nothing is bound yet.
    pub(super) fn statement(&self, text: &'static str) -> Statement {
        let mut texts = self.texts.lock().unwrap_or_else(PoisonError::into_inner);
        let text = texts.entry(text).or_insert_with(|| Arc::from(self.in_schema(text)));
        let bound = if self.is_prepared { Bound::Prepared(PgArguments::default()) } else { Bound::Literal(Vec::new()) };
        Statement { text: Arc::clone(text), bound, wrong: None }
    }

    /// A text with the name of the schema in it.
    pub(super) fn in_schema(&self, text: &str) -> String {
        text.replace("{schema}", &self.schema)
    }
}

/// A statement with its parameters.
#[derive(Debug, Clone)]
pub(super) struct Statement {
    text: Arc<str>,
    bound: Bound,
    /// What cannot be bound, the first of it.
    wrong: Option<Arc<str>>,
}

#[derive(Debug, Clone)]
enum Bound {
    Prepared(PgArguments),
    Literal(Vec<String>),
}

/// What is sent.
#[derive(Debug)]
pub(super) enum Sent {
    Prepared(Arc<str>, PgArguments),
    Text(String),
}

impl Statement {
    /// Binds the next parameter.
    pub(super) fn bind<'v, T>(mut self, value: T) -> Self
    where
        T: Encode<'v, Postgres> + Type<Postgres> + Literal + 'v,
    {
        match &mut self.bound {
            Bound::Prepared(arguments) => {
                if let Err(error) = arguments.add(value) {
                    self.wrong.get_or_insert_with(|| Arc::from(error.to_string()));
                }
            }
            Bound::Literal(literals) => {
                let mut text = String::new();
                if value.is_null() {
                    text.push_str("NULL");
                } else {
                    let mut plain = String::new();
                    value.write(&mut plain);
                    // A string constant that means the same whatever `standard_conforming_strings` says.
                    text.push_str(if plain.contains('\\') { " E'" } else { "'" });
                    text.push_str(&plain.replace('\\', "\\\\").replace('\'', "''"));
                    text.push('\'');
                }
                literals.push(text);
            }
        }
        self
    }

    /// What to send.
    pub(super) fn send(self) -> Result<Sent, sqlx::Error> {
        match (self.wrong, self.bound) {
            (Some(wrong), _) => Err(sqlx::Error::Encode((*wrong).into())),
            (None, Bound::Prepared(arguments)) => Ok(Sent::Prepared(self.text, arguments)),
            (None, Bound::Literal(literals)) => Ok(Sent::Text(filled(&self.text, &literals))),
        }
    }
}

/// A text with literals in place of `$1`, `$2`, and so on; each stands before a cast there.
fn filled(text: &str, literals: &[String]) -> String {
    let mut filled = String::with_capacity(text.len() + literals.iter().map(String::len).sum::<usize>());
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        let (before, behind) = rest.split_at(at);
        filled.push_str(before);
        let digits = behind[1..].bytes().take_while(u8::is_ascii_digit).count();
        let number = behind[1..=digits].parse::<usize>().unwrap_or_default();
        match number.checked_sub(1).and_then(|place| literals.get(place)) {
            Some(literal) => filled.push_str(literal),
            None => filled.push_str(&behind[..=digits]),
        }
        rest = &behind[digits + 1..];
    }
    filled.push_str(rest);
    filled
}

/// A value as the server reads it in a string constant.
pub(super) trait Literal {
    fn write(&self, text: &mut String);

    fn is_null(&self) -> bool {
        false
    }
}

impl Literal for i64 {
    fn write(&self, text: &mut String) {
        let _ = write!(text, "{self}");
    }
}

impl Literal for bool {
    fn write(&self, text: &mut String) {
        text.push(if *self { 't' } else { 'f' });
    }
}

impl Literal for Uuid {
    fn write(&self, text: &mut String) {
        let _ = write!(text, "{self}");
    }
}

impl Literal for &str {
    fn write(&self, text: &mut String) {
        text.push_str(self);
    }
}

impl Literal for String {
    fn write(&self, text: &mut String) {
        text.push_str(self);
    }
}

impl<T: Literal> Literal for Option<T> {
    fn write(&self, text: &mut String) {
        if let Some(value) = self {
            value.write(text);
        }
    }

    fn is_null(&self) -> bool {
        self.is_none()
    }
}

impl<T: Literal> Literal for Vec<T> {
    fn write(&self, text: &mut String) {
        text.push('{');
        for (place, value) in self.iter().enumerate() {
            if place > 0 {
                text.push(',');
            }
            if value.is_null() {
                text.push_str("NULL");
                continue;
            }
            let mut element = String::new();
            value.write(&mut element);
            text.push('"');
            text.push_str(&element.replace('\\', "\\\\").replace('"', "\\\""));
            text.push('"');
        }
        text.push('}');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(statement: Statement) -> String {
        match statement.send().unwrap() {
            Sent::Text(text) => text,
            Sent::Prepared(..) => panic!("it was to be a text"),
        }
    }

    #[test]
    fn a_text_has_its_values_quoted_in_place() {
        let dialect = Dialect::new("jobs", false);
        let statement = dialect.statement("SELECT $2::text, $1::bigint, $10 FROM {schema}.queue_jobs");
        assert_eq!(
            text(statement.bind(-7_i64).bind("it's $1 \\ \"x\"")),
            r#"SELECT  E'it''s $1 \\ "x"'::text, '-7'::bigint, $10 FROM "jobs".queue_jobs"#
        );
    }

    #[test]
    fn arrays_and_nulls_are_written_as_the_server_reads_them() {
        let dialect = Dialect::new("jobs", false);
        let statement = dialect.statement("$1 $2 $3");
        let words = vec![Some("a,b"), None, Some("q\"\\")];
        assert_eq!(
            text(statement.bind(words).bind(None::<i64>).bind(vec![true, false])),
            r#" E'{"a,b",NULL,"q\\"\\\\"}' NULL '{"t","f"}'"#
        );
    }
}
