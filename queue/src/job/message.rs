//! How long what a run says may be: it is stored, listed and shown.

/// The longest text of an error or of progress, in bytes.
const LONGEST: usize = 64 * 1024;

/// The text, cut where it is too long; its end then says how long it was.
pub(crate) fn shortened(mut text: String) -> String {
    if text.len() <= LONGEST {
        return text;
    }
    let mark = format!("… (cut: it had {} bytes)", text.len());
    text.truncate(text.floor_char_boundary(LONGEST - mark.len()));
    text.push_str(&mark);
    // What was cut must not stay in memory with the job.
    text.shrink_to_fit();
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_between_two_letters_and_says_so() {
        assert_eq!(shortened("x".repeat(LONGEST)), "x".repeat(LONGEST));
        for pad in 0..4 {
            let text = "x".repeat(pad) + &"語".repeat(LONGEST);
            let length = text.len();
            let cut = shortened(text);
            assert!(cut.len() <= LONGEST && cut.len() > LONGEST - 4, "{} bytes", cut.len());
            assert!(cut.capacity() < 2 * LONGEST, "{} bytes are held", cut.capacity());
            assert!(cut.ends_with(&format!("語… (cut: it had {length} bytes)")), "{}", &cut[cut.len() - 60..]);
            assert_eq!(shortened(cut.clone()), cut, "once is enough");
        }
    }
}
