//! What is wrong with the text of a filter, and where.

use std::error::Error;
use std::fmt;
use std::ops::Range;

use super::syntax::LONGEST;

/// Why a text is not a filter. `Display` is what is wrong, the text, and a line of carets under the part that is meant:
///
/// ```
/// use std::time::SystemTime;
/// use queue::job::Filter;
///
/// let error = Filter::parse("kind:Mail stat:failed", SystemTime::now()).unwrap_err();
/// assert_eq!(error.to_string(), "\
/// unknown key `stat`: did you mean `state`?
///   kind:Mail stat:failed
///             ^^^^");
/// assert_eq!((error.span(), error.message()), (10..14, "unknown key `stat`: did you mean `state`?"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FilterError {
    text: String,
    span: Range<usize>,
    message: String,
}

impl FilterError {
    /// An error at a part of a text.
    pub(super) fn new(text: &str, span: Range<usize>, message: impl Into<String>) -> Self {
        // Of one that is too long enough is kept to know it by.
        let kept = &text[..text.floor_char_boundary(LONGEST + 4)];
        Self { text: kept.to_owned(), span, message: message.into() }
    }

    /// Where it is, in bytes of the text; empty where something is missing.
    #[must_use]
    pub fn span(&self) -> Range<usize> {
        self.span.clone()
    }

    /// What is wrong, in one line.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for FilterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        // A text that is too long is not shown.
        if self.text.len() > LONGEST {
            return Ok(());
        }
        let (before, after) = (&self.text[..self.span.start], &self.text[self.span.end..]);
        let (before, meant, after) = (escaped(before), escaped(&self.text[self.span.clone()]), escaped(after));
        let blanks = " ".repeat(before.chars().count());
        let carets = "^".repeat(meant.chars().count().max(1));
        write!(f, "\n  {before}{meant}{after}\n  {blanks}{carets}")
    }
}

impl Error for FilterError {}

/// As it can be shown on one line: what moves the cursor of a terminal, or is not seen, is escaped.
fn escaped(text: &str) -> String {
    let escape = |letter: char| match letter {
        '"' | '\'' | '\\' => letter.to_string(),
        letter => letter.escape_debug().to_string(),
    };
    text.chars().map(escape).collect()
}

/// How much of a word a message shows.
const SHOWN: usize = 64;

/// A word as a message shows it.
pub(super) fn shown(word: &str) -> String {
    let mut shown: String = word.chars().take(SHOWN).collect();
    if shown.len() < word.len() {
        shown.push('…');
    }
    format!("`{}`", escaped(&shown))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_carets_stand_under_the_token_by_letters() {
        let text = "tag:größe\tkind:\u{1b}語 state:x";
        let at = text.find("kind").unwrap();
        let error = FilterError::new(text, at..at + 9, "no");
        assert_eq!(error.to_string(), "no\n  tag:größe\\tkind:\\u{1b}語 state:x\n             ^^^^^^^^^^^^");
    }

    #[test]
    fn what_is_missing_has_a_caret_too() {
        assert_eq!(FilterError::new("kind:", 5..5, "no").to_string(), "no\n  kind:\n       ^");
        assert_eq!(FilterError::new("", 0..0, "no").to_string(), "no\n  \n  ^");
    }

    #[test]
    fn a_long_word_is_shown_in_part() {
        assert_eq!(shown("a\n\u{202e}b"), "`a\\n\\u{202e}b`");
        assert_eq!(shown(&"語".repeat(65)), format!("`{}…`", "語".repeat(64)));
    }
}
