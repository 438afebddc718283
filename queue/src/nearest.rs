//! Which word was meant.

/// The nearest of some words, if it is near enough to be meant: one letter in three may be another, and one more. Of two that are as
/// near the first by the alphabet.
///
/// ```
/// use queue::nearest::nearest;
///
/// assert_eq!(nearest("mial", ["default", "mail"]), Some("mail"));
/// assert_eq!(nearest("vip", ["default", "mail"]), None);
/// ```
#[must_use]
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let most = 1 + word.chars().count() / 3;
    known.into_iter().map(|other| (distance(word, other), other)).filter(|(far, _)| *far <= most).min().map(|(_, near)| near)
}

/// How many letters to add, remove or replace.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for (i, a) in a.chars().enumerate() {
        let mut row = vec![i + 1; b.len() + 1];
        for j in 0..b.len() {
            row[j + 1] = (last[j] + usize::from(a != b[j])).min(last[j + 1] + 1).min(row[j] + 1);
        }
        last = row;
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distance_counts_edits() {
        assert_eq!(distance("mail", "mail"), 0);
        assert_eq!(distance("mial", "mail"), 2);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("emails", "mail"), 2);
    }

    #[test]
    fn only_a_near_word_was_meant() {
        let known = ["main", "mail", "default"];
        assert_eq!(nearest("mial", known), Some("mail"));
        assert_eq!(nearest("maix", known), Some("mail"), "as near as `main`, and before it");
        assert_eq!(nearest("vip", known), None);
        assert_eq!(nearest("vip", []), None);
    }
}
