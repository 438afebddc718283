//! What a command prints: data on stdout, all else on stderr.

mod age;
mod style;
mod table;

use std::io::{self, IsTerminal, Write};
use std::time::SystemTime;

use anstream::{AutoStream, ColorChoice};
use serde::Serialize;

pub(crate) use age::{age, rfc3339, seconds, span, until};
pub(crate) use style::{plain, state_color};
pub(crate) use table::{Cell, Color, grouped};

/// In which form data is printed: a table for people, one JSON document, or one a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    Table,
    Json,
    Jsonl,
}

/// What one sort of data looks like.
pub(crate) trait Record: Serialize {
    /// The heads of its columns.
    const COLUMNS: &'static [&'static str];

    /// What stands in them.
    fn cells(&self, now: SystemTime) -> Vec<Cell>;
}

/// Whether a character of a JSON document could control a terminal: those that JSON need not escape.
fn is_control(c: char) -> bool {
    ('\u{7f}'..='\u{9f}').contains(&c)
}

/// Where a command prints to.
pub(crate) struct Output {
    pub(crate) format: Format,
    is_wide: bool,
    is_colored: bool,
    out: AutoStream<io::Stdout>,
    err: AutoStream<io::Stderr>,
}

impl Output {
    pub(crate) fn new(format: Format, is_wide: bool, color: ColorChoice) -> Self {
        let out = AutoStream::new(io::stdout(), color);
        let is_colored = out.current_choice() != ColorChoice::Never;
        Self { format, is_wide, is_colored, out, err: AutoStream::new(io::stderr(), color) }
    }

    pub(crate) fn is_for_people(&self) -> bool {
        self.format == Format::Table
    }

    /// Prints records: as a table, as one document `[..]`, or one a line.
    pub(crate) fn records<R: Record>(&mut self, records: &[R]) -> io::Result<()> {
        match self.format {
            Format::Table => {
                let now = SystemTime::now();
                let look =
                    table::Look { is_wide: self.is_wide, is_colored: self.is_colored, fits_terminal: io::stdout().is_terminal() };
                let lines = table::lines(R::COLUMNS, records.iter().map(|record| record.cells(now)), look);
                self.lines(lines)
            }
            Format::Json => self.json(records),
            Format::Jsonl => records.iter().try_for_each(|record| self.json_line(record)),
        }
    }

    /// Prints one document: as the lines that people read, or as JSON.
    pub(crate) fn document<T: Serialize>(&mut self, document: &T, lines: impl FnOnce() -> Vec<String>) -> io::Result<()> {
        match self.format {
            Format::Table => self.lines(lines()),
            Format::Json => self.json(document),
            Format::Jsonl => self.json_line(document),
        }
    }

    pub(crate) fn json_line<T: Serialize + ?Sized>(&mut self, value: &T) -> io::Result<()> {
        self.whole(serde_json::to_vec(value))
    }

    fn json<T: Serialize + ?Sized>(&mut self, value: &T) -> io::Result<()> {
        self.whole(serde_json::to_vec_pretty(value))
    }

    /// Prints a document in one piece, since handlers may print, too; and as it is, since a stream for people leaves characters out.
    fn whole(&mut self, document: serde_json::Result<Vec<u8>>) -> io::Result<()> {
        let mut document = String::from_utf8(document?).map_err(io::Error::other)?;
        document.push('\n');
        // What would control a terminal is written as JSON may write it, too.
        if document.contains(is_control) {
            document = document.chars().fold(String::with_capacity(document.len() + 16), |mut text, c| {
                if is_control(c) {
                    text.push_str(&format!("\\u{:04x}", c as u32));
                } else {
                    text.push(c);
                }
                text
            });
        }
        let mut out = io::stdout().lock();
        out.write_all(document.as_bytes())?;
        out.flush()
    }

    /// Prints lines of data.
    pub(crate) fn lines(&mut self, lines: impl IntoIterator<Item = String>) -> io::Result<()> {
        let mut text: String = lines.into_iter().collect::<Vec<_>>().join("\n");
        if !text.is_empty() {
            text.push('\n');
        }
        self.raw(&text)
    }

    /// Prints data as it is.
    pub(crate) fn raw(&mut self, text: &str) -> io::Result<()> {
        self.out.write_all(text.as_bytes())?;
        self.out.flush()
    }

    /// Says something to people. Where nobody can be told, nothing is lost.
    pub(crate) fn say(&mut self, text: impl AsRef<str>) {
        let _ = writeln!(self.err, "{}", text.as_ref());
    }

    /// Asks without a new line.
    pub(crate) fn ask(&mut self, text: &str) {
        let _ = write!(self.err, "{text}");
        let _ = self.err.flush();
    }
}
