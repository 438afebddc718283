//! The words of the text of a filter: bare or in quotes.

use std::ops::Range;

use super::error::FilterError;

/// A word, and where it stands.
#[derive(Debug)]
pub(super) struct Word {
    /// Without its quotes.
    pub(super) text: String,
    pub(super) span: Range<usize>,
    pub(super) is_quoted: bool,
}

impl Word {
    /// Nothing is there, not even quotes.
    pub(super) fn is_missing(&self) -> bool {
        self.text.is_empty() && !self.is_quoted
    }
}

/// Reads a text from its begin to its end.
pub(super) struct Words<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Words<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    /// Where it is, in bytes.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// What is left.
    pub(super) fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    pub(super) fn next_is(&self, letter: char) -> bool {
        self.rest().starts_with(letter)
    }

    /// Goes over this letter, if it comes next.
    pub(super) fn eat(&mut self, letter: char) -> bool {
        let is_next = self.next_is(letter);
        if is_next {
            self.at += letter.len_utf8();
        }
        is_next
    }

    /// Goes over this text, if it comes next.
    pub(super) fn eat_all(&mut self, text: &str) -> bool {
        let is_next = self.rest().starts_with(text);
        if is_next {
            self.at += text.len();
        }
        is_next
    }

    /// Goes to the next token; `false` at the end.
    pub(super) fn next_token(&mut self) -> bool {
        self.at = self.text.len() - self.rest().trim_start().len();
        !self.rest().is_empty()
    }

    /// Reads a word, which ends before white space and before a stop.
    pub(super) fn word(&mut self, stops: &[char]) -> Result<Word, FilterError> {
        let start = self.at;
        if self.eat('"') {
            return self.quoted(start, stops);
        }
        let rest = self.rest();
        let is_end = |letter: char| letter == '"' || letter.is_whitespace() || stops.contains(&letter);
        let end = rest.find(is_end).unwrap_or(rest.len());
        self.at += end;
        if self.next_is('"') {
            let how = "a quote in the middle of a word: put quotes around all of it, with `\\\"` for a quote in it";
            return Err(self.wrong(self.at..self.at + 1, how));
        }
        Ok(Word { text: rest[..end].to_owned(), span: start..self.at, is_quoted: false })
    }

    /// Reads behind the first quote.
    fn quoted(&mut self, start: usize, stops: &[char]) -> Result<Word, FilterError> {
        let mut text = String::new();
        let mut letters = self.rest().char_indices();
        while let Some((index, letter)) = letters.next() {
            match letter {
                '"' => {
                    self.at += index + 1;
                    self.must_end(stops)?;
                    return Ok(Word { text, span: start..self.at, is_quoted: true });
                }
                '\\' => match letters.next() {
                    Some((_, letter @ ('"' | '\\'))) => text.push(letter),
                    Some((_, letter)) => {
                        let at = self.at + index;
                        let how = "in quotes a backslash stands before a quote or a backslash: write `\\\\` for one";
                        return Err(self.wrong(at..at + 1 + letter.len_utf8(), how));
                    }
                    None => break,
                },
                letter => text.push(letter),
            }
        }
        Err(self.wrong(start..self.text.len(), "this quote is not closed"))
    }

    /// After a closing quote.
    fn must_end(&self, stops: &[char]) -> Result<(), FilterError> {
        match self.rest().chars().next() {
            Some(letter) if !letter.is_whitespace() && !stops.contains(&letter) => {
                let how = "after the closing quote the word goes on: put quotes around all of it";
                Err(self.wrong(self.at..self.at + letter.len_utf8(), how))
            }
            _ => Ok(()),
        }
    }

    pub(super) fn wrong(&self, span: Range<usize>, message: impl Into<String>) -> FilterError {
        FilterError::new(self.text, span, message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(text: &str) -> Result<(String, usize), String> {
        let mut words = Words::new(text);
        words.word(&[',', ':']).map(|word| (word.text, words.at())).map_err(|error| error.to_string())
    }

    #[test]
    fn a_word_ends_before_white_space_and_stops() {
        for (text, word, at) in [
            ("mail tag:x", "mail", 4),
            ("mail,x", "mail", 4),
            ("größe:x", "größe", 7),
            ("a\\b'c\u{3000}d", "a\\b'c", 5),
            ("", "", 0),
            (" x", "", 0),
            ("\"a b,c:d\" x", "a b,c:d", 9),
            (r#""a \"b\" \\c","#, r#"a "b" \c"#, 13),
            ("\"\"", "", 2),
            ("\"a\nb\"", "a\nb", 5),
        ] {
            assert_eq!(first(text), Ok((word.to_owned(), at)), "{text}");
        }
    }

    #[test]
    fn quotes_that_are_wrong() {
        let wrong = |text| first(text).unwrap_err();
        assert_eq!(wrong("\"a b"), "this quote is not closed\n  \"a b\n  ^^^^");
        assert_eq!(wrong("\"a\\"), "this quote is not closed\n  \"a\\\n  ^^^");
        assert_eq!(
            wrong("a\"b\""),
            "a quote in the middle of a word: put quotes around all of it, with `\\\"` for a quote in it\n  a\"b\"\n   ^"
        );
        assert_eq!(wrong("\"a\"語"), "after the closing quote the word goes on: put quotes around all of it\n  \"a\"語\n     ^");
        assert_eq!(
            wrong("\"C:\\temp\""),
            "in quotes a backslash stands before a quote or a backslash: write `\\\\` for one\n  \"C:\\temp\"\n     ^^"
        );
    }
}
