//! Tables.

pub(crate) use comfy_table::Color;
use comfy_table::{Attribute, CellAlignment, ContentArrangement, Row, Table, presets};

use super::plain;

/// The longest text in a cell that is cut, in characters.
const LONGEST: usize = 60;

/// One field of a table.
#[derive(Debug, Clone)]
pub(crate) struct Cell {
    text: String,
    color: Option<Color>,
    is_number: bool,
    is_whole: bool,
}

impl Cell {
    /// A text, which may be a stranger's.
    pub(crate) fn text(text: impl AsRef<str>) -> Self {
        Self { text: plain(text.as_ref()), color: None, is_number: false, is_whole: false }
    }

    /// A text that is never cut.
    pub(crate) fn whole(text: impl AsRef<str>) -> Self {
        Self { is_whole: true, ..Self::text(text) }
    }

    /// A number, aligned to the right; zero is shown as nothing, so that the others are seen.
    pub(crate) fn number(number: u64) -> Self {
        let text = if number == 0 { "-".to_owned() } else { grouped(number) };
        Self { text, color: None, is_number: true, is_whole: false }
    }

    /// In this color, where there are any.
    pub(crate) fn colored(mut self, color: Color) -> Self {
        self.color = Some(color);
        self
    }
}

/// A number with its thousands apart: `1,234,567`.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// How a table is laid out.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Look {
    /// Nothing is cut.
    pub(crate) is_wide: bool,
    pub(crate) is_colored: bool,
    /// It is made as wide as the terminal.
    pub(crate) fits_terminal: bool,
}

/// The lines of a table, without space at their ends.
pub(crate) fn lines(columns: &[&str], rows: impl Iterator<Item = Vec<Cell>>, look: Look) -> Vec<String> {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_content_arrangement(match look.fits_terminal && !look.is_wide {
        true => ContentArrangement::Dynamic,
        false => ContentArrangement::Disabled,
    });
    if look.is_colored {
        table.enforce_styling()
    } else {
        table.force_no_tty()
    };
    table.set_header(columns.iter().map(|name| comfy_table::Cell::new(name).add_attribute(Attribute::Bold)).collect::<Vec<_>>());
    for cells in rows {
        let mut row = Row::new();
        let is_cut = !look.is_wide && !cells.iter().any(|cell| cell.is_whole);
        for cell in cells {
            row.add_cell(made(cell, look));
        }
        if is_cut {
            row.max_height(1);
        }
        table.add_row(row);
    }
    table.lines().map(|line| line.trim_end().to_owned()).collect()
}

fn made(cell: Cell, look: Look) -> comfy_table::Cell {
    let Cell { mut text, color, is_number, is_whole } = cell;
    if !look.is_wide && !is_whole && text.chars().count() > LONGEST {
        text = text.chars().take(LONGEST - 1).chain(['…']).collect();
    }
    let mut made = comfy_table::Cell::new(text);
    if let Some(color) = color {
        made = made.fg(color);
    }
    if is_number { made.set_alignment(CellAlignment::Right) } else { made }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Look = Look { is_wide: false, is_colored: false, fits_terminal: false };

    #[test]
    fn numbers_have_their_thousands_apart() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
    }

    #[test]
    fn a_table_is_aligned_text() {
        let rows = [vec![Cell::text("mail"), Cell::number(1_200)], vec![Cell::text("default"), Cell::number(0)]];
        let lines = lines(&["QUEUE", "WAITING"], rows.into_iter(), PLAIN);
        assert_eq!(lines, [" QUEUE    WAITING", " mail       1,200", " default        -"]);
    }

    #[test]
    fn a_long_text_is_cut_unless_the_table_is_wide() {
        let row = || [vec![Cell::text("x".repeat(100))]].into_iter();
        assert!(lines(&["A"], row(), PLAIN)[1].ends_with("x…"));
        assert!(lines(&["A"], row(), Look { is_wide: true, ..PLAIN })[1].ends_with("xx"));
    }

    #[test]
    fn colors_are_there_only_where_they_are_wanted() {
        let row = || [vec![Cell::text("failed").colored(Color::Red)]].into_iter();
        assert!(!lines(&["A"], row(), PLAIN).concat().contains('\u{1b}'));
        assert!(lines(&["A"], row(), Look { is_colored: true, ..PLAIN }).concat().contains('\u{1b}'));
    }
}
