//! The name of a job: of its type, its file and its module.

use super::failure::{Failure, Result};

/// The two forms of a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct JobName {
    /// `SendWelcomeEmail`: the type, and the kind that is stored.
    pub(super) type_name: String,
    /// `send_welcome_email`: the module, and its file.
    pub(super) module: String,
}

/// The longest name, in characters.
const LONGEST: usize = 100;

/// Strict, reserved and weak ones, of every edition: what is one in a later edition should not be a module today.
const KEYWORDS: &[&str] = &[
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "crate", "do", "dyn", "else", "enum",
    "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let", "loop", "macro", "match", "mod", "move", "mut",
    "override", "priv", "pub", "ref", "return", "self", "static", "struct", "super", "trait", "true", "try", "type", "typeof",
    "union", "unsafe", "unsized", "use", "virtual", "where", "while", "yield",
];

/// Files that Windows takes for devices, whatever their ending.
const DEVICES: &[&str] = &["con", "prn", "aux", "nul"];

/// Types that the file of a job uses, by the prelude of `queue` or of the standard library.
const TAKEN_TYPES: &[&str] = &[
    "BlockingJob",
    "Box",
    "Clone",
    "Container",
    "Copy",
    "Default",
    "Drop",
    "Eq",
    "Err",
    "Extend",
    "Fn",
    "From",
    "Future",
    "Into",
    "Iterator",
    "Job",
    "JobContext",
    "JobError",
    "JobResult",
    "None",
    "Ok",
    "Option",
    "Ord",
    "Queue",
    "Queueable",
    "Result",
    "Send",
    "Sized",
    "Some",
    "String",
    "Sync",
    "ToOwned",
    "ToString",
    "Vec",
    "Worker",
];

/// Crates that are there without a line in `Cargo.toml`.
const CRATES: &[&str] = &["alloc", "core", "proc_macro", "std", "test"];

/// Whether an identifier cannot be written plainly.
pub(super) fn is_keyword(word: &str) -> bool {
    KEYWORDS.contains(&word) || word == "Self"
}

/// Whether Windows cannot have a file of that name.
pub(super) fn is_device(word: &str) -> bool {
    let lower = word.to_ascii_lowercase();
    let port = |kind| lower.strip_prefix(kind).is_some_and(|rest: &str| matches!(rest.as_bytes(), [b'1'..=b'9']));
    DEVICES.contains(&lower.as_str()) || port("com") || port("lpt")
}

impl JobName {
    /// Reads `SendWelcomeEmail`, `send_welcome_email` or `send-welcome-email`.
    pub(super) fn parse(text: &str) -> Result<Self> {
        let refuse = |why: &str| Err(Failure::new(format!("`{}` cannot be the name of a job: {why}", text.escape_debug())));
        if text.is_empty() {
            return refuse("it is empty; write one such as SendWelcomeEmail");
        }
        if text.chars().count() > LONGEST {
            return refuse(&format!("it is longer than {LONGEST} characters"));
        }
        if text.chars().any(char::is_control) {
            return refuse("it has a control character");
        }
        if text.contains(['/', '\\']) || text.split('.').any(str::is_empty) {
            return refuse("it is a path; every job is a file in src/jobs");
        }
        if text.starts_with("r#") {
            return refuse("it is a raw identifier; choose a name that is no keyword");
        }
        if !text.is_ascii() {
            return refuse("only the letters a to z, digits, `_` and `-` are allowed");
        }
        if text.starts_with(|first: char| first.is_ascii_digit()) {
            return refuse("it begins with a digit");
        }
        if let Some(wrong) = text.chars().find(|&letter| !(letter.is_ascii_alphanumeric() || letter == '_' || letter == '-')) {
            return refuse(&format!("it has a `{wrong}`; only the letters a to z, digits, `_` and `-` are allowed"));
        }
        if !text.starts_with(|first: char| first.is_ascii_alphabetic()) {
            return refuse("it does not begin with a letter");
        }
        let words = words(text);
        let (type_name, module) = (words.iter().map(|word| capitalized(word)).collect::<String>(), words.join("_"));
        if is_keyword(&module) {
            return refuse(&format!("`{module}` is a keyword"));
        }
        if is_device(&module) {
            return refuse(&format!("Windows takes {module}.rs for a device"));
        }
        if TAKEN_TYPES.contains(&type_name.as_str()) {
            return refuse(&format!("`{type_name}` is a name that every file with jobs uses"));
        }
        if CRATES.contains(&module.as_str()) {
            return refuse(&format!("`{module}` is a crate of the standard library"));
        }
        Ok(Self { type_name, module })
    }
}

/// The words of a name, in lower case: at `_` and `-`, before a capital letter, and before the last one of several (`HTTPServer`).
/// Digits go with the word before them, so that each type has one module, and each module one type.
fn words(text: &str) -> Vec<String> {
    let letters: Vec<char> = text.chars().collect();
    let mut words = vec![String::new()];
    for (index, &letter) in letters.iter().enumerate() {
        let before = index.checked_sub(1).map(|at| letters[at]);
        let after = letters.get(index + 1);
        let begins = letter.is_ascii_uppercase()
            && before.is_some_and(|before| {
                before.is_ascii_lowercase()
                    || before.is_ascii_digit()
                    || before.is_ascii_uppercase() && after.is_some_and(char::is_ascii_lowercase)
            });
        if letter == '_' || letter == '-' || begins {
            words.push(String::new());
        }
        if letter == '_' || letter == '-' {
            continue;
        }
        let is_open = words.last().is_some_and(String::is_empty);
        if is_open && letter.is_ascii_digit() && words.len() > 1 {
            words.pop();
        }
        if let Some(word) = words.last_mut() {
            word.push(letter.to_ascii_lowercase());
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

fn capitalized(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn forms(text: &str) -> (String, String) {
        let name = JobName::parse(text).unwrap();
        (name.type_name, name.module)
    }

    #[test]
    fn each_way_of_writing_gives_the_same_name() {
        let expected = ("SendWelcomeEmail".to_owned(), "send_welcome_email".to_owned());
        for text in [
            "SendWelcomeEmail",
            "send_welcome_email",
            "send-welcome-email",
            "sendWelcomeEmail",
            "SEND_WELCOME_EMAIL",
            "send__welcome-Email_",
        ] {
            assert_eq!(forms(text), expected, "{text}");
        }
    }

    #[test]
    fn acronyms_and_digits_have_one_form() {
        for (text, type_name, module) in [
            ("HTTPPing", "HttpPing", "http_ping"),
            ("SendHTTP", "SendHttp", "send_http"),
            ("Step2", "Step2", "step2"),
            ("step_2", "Step2", "step2"),
            ("Step2Mail", "Step2Mail", "step2_mail"),
            ("tax_2024_10", "Tax202410", "tax202410"),
            ("A", "A", "a"),
        ] {
            assert_eq!(forms(text), (type_name.to_owned(), module.to_owned()), "{text}");
            assert_eq!(forms(type_name), forms(module), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_a_name_is_refused_with_the_reason() {
        let long = "a".repeat(101);
        for (text, why) in [
            ("", "it is empty"),
            (&long, "longer than 100"),
            ("../x", "a path"),
            ("..", "a path"),
            ("a/b", "a path"),
            ("a\\b", "a path"),
            ("a\0b", "control character"),
            ("a\nb", "control character"),
            ("\u{7f}", "control character"),
            ("match", "`match` is a keyword"),
            ("Match", "`match` is a keyword"),
            ("async", "a keyword"),
            ("gen", "a keyword"),
            ("yield", "a keyword"),
            ("union", "a keyword"),
            ("r#match", "raw identifier"),
            ("Self", "`self` is a keyword"),
            ("mod", "a keyword"),
            ("container", "`Container` is a name"),
            ("queue", "`Queue` is a name"),
            ("Ok", "`Ok` is a name"),
            ("std", "a crate"),
            ("1st", "begins with a digit"),
            ("größe", "only the letters"),
            ("a b", "it has a ` `"),
            ("a:b", "it has a `:`"),
            ("a.b", "it has a `.`"),
            ("_a", "does not begin with a letter"),
            ("-a", "does not begin with a letter"),
            ("con", "a device"),
            ("Prn", "a device"),
            ("AUX", "a device"),
            ("nul", "a device"),
            ("Com1", "a device"),
            ("lpt9", "a device"),
        ] {
            let refusal = JobName::parse(text).expect_err(text).to_string();
            assert!(refusal.contains(why), "{text}: {refusal}");
            assert!(!refusal.contains(char::is_control), "{refusal:?}");
        }
        assert_eq!(forms("com0").1, "com0");
    }

    #[test]
    fn no_keyword_of_the_language_is_missing() {
        let identifier = |word: &str| syn::parse_str::<syn::Ident>(word).is_ok();
        for word in KEYWORDS {
            assert!(!identifier(word) || ["gen", "union"].contains(word), "{word}");
        }
    }
}
