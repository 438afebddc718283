//! How things look.

use queue::JobState;

use super::Color;

/// A text of a stranger's, fit for a terminal: what would control it is written out.
pub(crate) fn plain(text: &str) -> String {
    if !text.chars().any(is_wild) {
        return text.to_owned();
    }
    let mut plain = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if is_wild(c) { plain.extend(c.escape_default()) } else { plain.push(c) }
    }
    plain
}

/// What controls a terminal, ends a line, or turns the direction of what follows.
fn is_wild(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The color of a state.
pub(crate) const fn state_color(state: JobState) -> Color {
    match state {
        JobState::Completed => Color::Green,
        JobState::Failed => Color::Red,
        JobState::Retryable => Color::Yellow,
        JobState::Running => Color::Cyan,
        JobState::Cancelled | JobState::Held => Color::DarkGrey,
        JobState::Scheduled | JobState::Available => Color::Reset,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_control_the_terminal() {
        assert_eq!(plain("mail"), "mail");
        assert_eq!(plain("\u{1b}[2Jmail\n"), "\\u{1b}[2Jmail\\n");
        assert_eq!(plain("mail\u{202e}txt"), "mail\\u{202e}txt");
    }
}
