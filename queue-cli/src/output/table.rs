//! Tables.

pub(crate) use comfy_table::Color;
use comfy_table::{Attribute, CellAlignment, ContentArrangement, Row, Table, presets};

use super::plain;

/// The longest text in a cell that is cut, in characters.
const LONGEST: usize = 60;
/// The least that is left of the last column in a narrow terminal.
const LEAST: usize = 10;

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

    /// Cuts what is longer than so many characters.
    fn cut(&mut self, most: usize) {
        if self.text.chars().count() > most {
            self.text = self.text.chars().take(most - 1).chain(['…']).collect();
        }
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
    // A table that is too wide is cut in its last column; one that is still too wide is whole, and the terminal breaks its lines.
    table.set_content_arrangement(ContentArrangement::Disabled);
    let room = table.width().filter(|width| *width > 0 && look.fits_terminal && !look.is_wide).map(usize::from);
    if look.is_colored {
        table.enforce_styling()
    } else {
        table.force_no_tty()
    };
    table.set_header(columns.iter().map(|name| comfy_table::Cell::new(name).add_attribute(Attribute::Bold)).collect::<Vec<_>>());
    let mut rows: Vec<Vec<Cell>> = rows.collect();
    if !look.is_wide {
        rows.iter_mut().flatten().filter(|cell| !cell.is_whole).for_each(|cell| cell.cut(LONGEST));
    }
    if let Some(room) = room {
        fit(columns, &mut rows, room);
    }
    for cells in rows {
        let mut row = Row::new();
        for cell in cells {
            row.add_cell(made(cell));
        }
        table.add_row(row);
    }
    table.lines().map(|line| line.trim_end().to_owned()).collect()
}

/// Cuts the last column, so that the lines have room in a terminal, if that leaves enough of it.
fn fit(columns: &[&str], rows: &mut [Vec<Cell>], room: usize) {
    let Some((last, before)) = columns.split_last() else { return };
    // A space stands on both sides of each text.
    let width = |(index, name): (usize, &&str)| {
        let texts = rows.iter().filter_map(|cells| cells.get(index)).map(|cell| cell.text.chars().count());
        texts.chain([name.chars().count()]).max().unwrap_or_default() + 2
    };
    let taken: usize = before.iter().enumerate().map(width).sum();
    let left = room.saturating_sub(taken + 2);
    if left < LEAST.max(last.chars().count()) {
        return;
    }
    for cell in rows.iter_mut().filter_map(|cells| cells.get_mut(before.len())).filter(|cell| !cell.is_whole) {
        cell.cut(left);
    }
}

fn made(cell: Cell) -> comfy_table::Cell {
    let Cell { text, color, is_number, .. } = cell;
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
    fn the_last_column_gives_way_to_a_narrow_terminal() {
        let rows = || vec![vec![Cell::text("mail"), Cell::text("x".repeat(40))]];
        let last = |room| {
            let mut rows = rows();
            fit(&["QUEUE", "ERROR"], &mut rows, room);
            rows[0][1].text.chars().count()
        };
        assert_eq!([last(100), last(30), last(19), last(18)], [40, 21, 10, 40], "or the terminal breaks the lines");
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
