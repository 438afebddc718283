//! The text of a file that is edited: its line endings and its mark of the encoding stay.

use similar::{ChangeTag, TextDiff};

/// A file as it is, and as it is edited.
#[derive(Debug, Clone)]
pub(super) struct Text {
    original: String,
    plain: String,
}

const MARK: char = '\u{feff}';

impl Text {
    pub(super) fn new(original: String) -> Self {
        let plain = original.strip_prefix(MARK).unwrap_or(&original).replace("\r\n", "\n");
        Self { original, plain }
    }

    /// Without a byte order mark, and with `\n` behind each line.
    pub(super) fn plain(&self) -> &str {
        &self.plain
    }

    /// As it stands in the file.
    pub(super) fn original(&self) -> &str {
        &self.original
    }

    /// What the file becomes when its plain text becomes `edited`: each line that stays keeps its ending, a new one gets that of most.
    pub(super) fn restored(&self, edited: &str) -> String {
        if self.plain == self.original {
            return edited.to_owned();
        }
        let body = self.original.strip_prefix(MARK);
        let mut restored = String::from(if body.is_some() { "\u{feff}" } else { "" });
        let old: Vec<&str> = body.unwrap_or(&self.original).split_inclusive('\n').collect();
        let ended = |ending| old.iter().filter(|line| line.ends_with(ending)).count();
        let ending = if ended("\r\n") * 2 > ended("\n") { "\r\n" } else { "\n" };
        let plain: Vec<&str> = self.plain.split_inclusive('\n').collect();
        let new: Vec<&str> = edited.split_inclusive('\n').collect();
        for change in TextDiff::from_slices(&plain, &new).iter_all_changes() {
            match (change.tag(), change.old_index()) {
                (ChangeTag::Delete, _) => {}
                (ChangeTag::Equal, Some(index)) => restored.push_str(old[index]),
                _ => match change.value().strip_suffix('\n') {
                    Some(line) => {
                        restored.push_str(line);
                        restored.push_str(ending);
                    }
                    None => restored.push_str(change.value()),
                },
            }
        }
        restored
    }
}

/// Appends a line, behind an end of the line before where that is missing.
pub(super) fn with_line(text: &str, line: &str) -> String {
    let between = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
    format!("{text}{between}{line}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edit(original: &str, edit: impl Fn(&str) -> String) -> String {
        let text = Text::new(original.to_owned());
        text.restored(&edit(text.plain()))
    }

    #[test]
    fn every_line_keeps_its_ending() {
        let append = |text: &str| with_line(text, "c");
        assert_eq!(edit("a\nb\n", append), "a\nb\nc\n");
        assert_eq!(edit("a\r\nb\r\n", append), "a\r\nb\r\nc\r\n");
        assert_eq!(edit("a\r\nx\nb\r\n", append), "a\r\nx\nb\r\nc\r\n");
        assert_eq!(edit("\u{feff}a\n", append), "\u{feff}a\nc\n");
        assert_eq!(edit("a\r\nb", append), "a\r\nb\r\nc\r\n");
        assert_eq!(edit("a\r\nb\r\n", |text| text.replace("a\n", "")), "b\r\n");
        assert_eq!(edit("\u{feff}a\r\n", str::to_owned), "\u{feff}a\r\n");
        assert_eq!(edit("", append), "c\n");
    }
}
