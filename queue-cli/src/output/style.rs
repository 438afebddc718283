//! How things look.

use queue::JobState;

use super::Color;

/// A text of a stranger's, fit for a terminal: what would control it is written out.
pub(crate) fn plain(text: &str) -> String {
    if !text.chars().any(char::is_control) {
        return text.to_owned();
    }
    let mut plain = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if c.is_control() { plain.extend(c.escape_default()) } else { plain.push(c) }
    }
    plain
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
    }
}
