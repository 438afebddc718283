//! "Did you mean": the word that was probably meant.

/// What an unknown word is answered with: the nearest of the known ones, else all of them.
pub(crate) fn known(word: &str, known: &[&str]) -> String {
    match nearest(word, known) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("known keys: {}", list(known)),
    }
}

/// The nearest known word, if one is within an edit distance of 1 + a third of the length, or begins as the word does.
pub(crate) fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let most = 1 + word.chars().count() / 3;
    let begins = |candidate: &str| word.len() >= 3 && (candidate.starts_with(word) || word.starts_with(candidate));
    known
        .iter()
        .map(|candidate| (distance(word, candidate), *candidate))
        .filter(|(far, candidate)| *far <= most || begins(candidate))
        .min()
        .map(|(_, near)| near)
}

/// `a`, `b`, `c`.
pub(crate) fn list(words: &[&str]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

/// How many letters to add, remove, replace, or swap with their neighbour.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut before: Vec<usize> = vec![0; b.len() + 1];
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let replaced = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            row[j] = replaced.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                row[j] = row[j].min(before[j - 2] + 1);
            }
        }
        before = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distance_counts_edits() {
        assert_eq!(distance("queue", "queue"), 0);
        assert_eq!(distance("quue", "queue"), 1);
        assert_eq!(distance("qeuue", "queue"), 1);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("kitten", "sitting"), 3);
    }

    #[test]
    fn a_near_word_is_suggested_and_a_far_one_is_not() {
        let known = ["name", "queue", "tags", "max_attempts"];
        assert_eq!(nearest("quue", &known), Some("queue"));
        assert_eq!(nearest("max_attempt", &known), Some("max_attempts"));
        assert_eq!(nearest("zebra", &known), None);
        assert_eq!(nearest("user", &["zip", "user_id"]), Some("user_id"));
        assert_eq!(nearest("us", &["zip", "user_id"]), None);
    }

    #[test]
    fn the_nearest_wins() {
        assert_eq!(nearest("nam", &["tame", "name"]), Some("name"));
    }
}
