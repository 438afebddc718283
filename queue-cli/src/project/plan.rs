//! What shall become of which files, before anything is written.

use std::path::{Path, PathBuf};
use std::{fs, io};

use anstyle::{AnsiColor, Style};
use similar::{ChangeTag, TextDiff};

use super::failure::{Failure, Result};
use super::text::Text;

/// A file that a command looked at.
#[derive(Debug, Clone)]
pub(super) struct Edit {
    pub(super) path: PathBuf,
    /// What stands there now, if it is there.
    pub(super) before: Option<String>,
    pub(super) after: String,
}

/// What becomes of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Becomes {
    Created,
    Changed,
    Kept,
}

impl Edit {
    pub(super) fn becomes(&self) -> Becomes {
        match &self.before {
            None => Becomes::Created,
            Some(before) if *before == self.after => Becomes::Kept,
            Some(_) => Becomes::Changed,
        }
    }
}

/// All files of a command, in the order in which they are told of.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) edits: Vec<Edit>,
}

impl Plan {
    /// Plans that a file is there with this text, whatever it was.
    ///
    /// # Errors
    ///
    /// Where it cannot be read.
    pub(super) fn put(&mut self, path: PathBuf, after: String) -> Result<()> {
        let before = read(&path)?;
        let before = before.map(|text| text.original().to_owned());
        self.edits.push(Edit { path, before, after });
        Ok(())
    }

    /// Plans an edit of a file, or its creation: `edit` is given what stands there, if it is there, with plain line endings.
    ///
    /// # Errors
    ///
    /// Where it cannot be read, and those of `edit`.
    pub(super) fn edit(&mut self, path: PathBuf, edit: impl FnOnce(Option<&str>) -> Result<String>) -> Result<()> {
        let before = read(&path)?;
        let edited = edit(before.as_ref().map(Text::plain))?;
        let after = before.as_ref().map_or(edited.clone(), |text| text.restored(&edited));
        self.edits.push(Edit { path, before: before.map(|text| text.original().to_owned()), after });
        Ok(())
    }

    /// The files that are written.
    pub(super) fn writes(&self) -> impl Iterator<Item = &Edit> {
        self.edits.iter().filter(|edit| edit.becomes() != Becomes::Kept)
    }

    /// Whether every file can be written, as far as can be known before.
    ///
    /// # Errors
    ///
    /// Where a file or its folder is read-only, or its folder is none.
    pub(super) fn check(&self) -> Result<()> {
        for edit in self.writes() {
            if edit.before.is_some() && is_read_only(&edit.path)? {
                return Err(Failure::new(format!("{} is read-only: nothing was written", shown(&edit.path))));
            }
            let folder = edit.path.ancestors().skip(1).find(|folder| folder.exists());
            let Some(folder) = folder else { continue };
            if !folder.is_dir() {
                let (file, path) = (shown(folder), shown(&edit.path));
                return Err(Failure::new(format!("{file} is a file, so that {path} cannot be written: nothing was written")));
            }
            if is_read_only(folder)? {
                return Err(Failure::new(format!("the folder {} is read-only: nothing was written", shown(folder))));
            }
        }
        Ok(())
    }

    /// What was done, or would be: a line for each file.
    pub(super) fn summary(&self) -> String {
        let line = |edit: &Edit| {
            let (word, style) = match edit.becomes() {
                Becomes::Created => ("created", style(AnsiColor::Green)),
                Becomes::Changed => ("changed", style(AnsiColor::Yellow)),
                Becomes::Kept => ("kept", Style::new().dimmed()),
            };
            format!("{style}{word:<8}{style:#} {}\n", shown(&edit.path))
        };
        self.edits.iter().map(line).collect()
    }

    /// What would change, as a unified diff.
    pub(super) fn diff(&self) -> String {
        self.writes().map(diff).collect()
    }
}

/// The text of a file; `None` where there is none.
///
/// # Errors
///
/// Where it cannot be read, or is not UTF-8.
pub(super) fn read(path: &Path) -> Result<Option<Text>> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        // Of a file in the place of a folder `Plan::check` says more.
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => return Ok(None),
        Err(error) => return Err(Failure::new(format!("cannot read {}: {error}", shown(path)))),
    };
    match String::from_utf8(bytes) {
        Ok(text) => Ok(Some(Text::new(text))),
        Err(error) => {
            let at = error.utf8_error().valid_up_to();
            Err(Failure::new(format!("{} is not UTF-8, from byte {at} on: nothing was written", shown(path))))
        }
    }
}

/// A path as one would write it here.
pub(super) fn shown(path: &Path) -> String {
    let here = std::env::current_dir().ok();
    let relative = here.and_then(|here| path.strip_prefix(here).ok()).filter(|path| !path.as_os_str().is_empty());
    relative.unwrap_or(path).display().to_string()
}

fn is_read_only(path: &Path) -> Result<bool> {
    let data = fs::metadata(path).map_err(|error| Failure::new(format!("cannot look at {}: {error}", shown(path))))?;
    Ok(data.permissions().readonly())
}

fn style(color: AnsiColor) -> Style {
    Style::new().fg_color(Some(color.into()))
}

fn diff(edit: &Edit) -> String {
    let path = shown(&edit.path);
    let (green, red, bold) = (style(AnsiColor::Green), style(AnsiColor::Red), Style::new().bold());
    let old = if edit.before.is_some() { path.as_str() } else { "/dev/null" };
    let mut text = format!("{bold}--- {old}{bold:#}\n{bold}+++ {path}{bold:#}\n");
    let lines = TextDiff::from_lines(edit.before.as_deref().unwrap_or_default(), &edit.after);
    for hunk in lines.unified_diff().context_radius(3).iter_hunks() {
        text.push_str(&format!("{}\n", hunk.header()));
        for change in hunk.iter_changes() {
            let (sign, style) = match change.tag() {
                ChangeTag::Equal => (' ', Style::new()),
                ChangeTag::Insert => ('+', green),
                ChangeTag::Delete => ('-', red),
            };
            let line = change.value().trim_end_matches(['\r', '\n']);
            text.push_str(&format!("{style}{sign}{line}{style:#}\n"));
        }
    }
    text
}
