//! Asking before something is done that cannot be undone.

use std::io::{self, BufRead as _};

use crate::arguments::Consent;
use crate::failure::Failure;
use crate::session::Session;

/// Asks whether to go on, unless that was said on the command line. Where nobody can be asked, it is refused.
pub(crate) fn confirm(session: &mut Session, consent: &Consent, what: &str) -> Result<(), Failure> {
    if let Some(label) = session.guard().map(str::to_owned) {
        return guarded(session, consent, what, &label);
    }
    if consent.yes {
        return Ok(());
    }
    if !Session::has_person() {
        return Err(Failure::usage(format!("nobody can be asked here: {what}?")).hint("write --yes to do it"));
    }
    session.output.ask(&format!("{what}? [y/N] "));
    match answer()?.to_ascii_lowercase().as_str() {
        "y" | "yes" => Ok(()),
        _ => Err(Failure::new(crate::exit::FAILED, "nothing was done")),
    }
}

/// In production a `y` is too near to an habit: the word itself must be written.
fn guarded(session: &mut Session, consent: &Consent, what: &str, label: &str) -> Result<(), Failure> {
    let is_it = |word: &str| word == label;
    if consent.confirm.as_deref().is_some_and(is_it) {
        return Ok(());
    }
    if !Session::has_person() {
        return Err(Failure::usage(format!("this is {label}, and nobody can be asked here: {what}?"))
            .hint(format!("write --confirm {label} to do it")));
    }
    session.output.ask(&format!("This is {label}. {what}? Write `{label}` to do it: "));
    if is_it(&answer()?) { Ok(()) } else { Err(Failure::new(crate::exit::FAILED, "nothing was done")) }
}

fn answer() -> Result<String, Failure> {
    let mut line = String::new();
    io::stdin()
        .lock()
        .read_line(&mut line)
        .map_err(|error| Failure::new(crate::exit::FAILED, format!("cannot read the answer: {error}")))?;
    Ok(line.trim().to_owned())
}
