//! Color, width, and what cuts.

use crate::craft::Craft;
use crate::filled::fill;
use crate::place::Place;

/// Whether anything is colored.
fn is_colored(craft: Craft) -> bool {
    let out = craft.run().code(0).out;
    assert!(out.contains("failed"));
    out.contains('\u{1b}')
}

#[tokio::test]
async fn color_is_there_where_it_is_asked_for_and_nowhere_else() {
    let place = Place::file();
    fill(&place).await.close().await.unwrap();
    let jobs = || place.craft("queue:jobs");
    assert!(!is_colored(jobs()));
    assert!(is_colored(jobs().arg("--color").arg("always")), "the word wins over NO_COLOR");
    assert!(!is_colored(jobs().env("CLICOLOR_FORCE", "1").arg("--color=never")));
    assert!(!is_colored(jobs().env("CARGO_TERM_COLOR", "never")));
    assert!(is_colored(jobs().env("CARGO_TERM_COLOR", "always")));
    // `NO_COLOR` says nothing where it is empty.
    assert!(!is_colored(jobs().env("NO_COLOR", "")), "it is no terminal");
    assert!(is_colored(jobs().env("NO_COLOR", "").env("CLICOLOR_FORCE", "1")));
    assert!(!is_colored(jobs().env("NO_COLOR", "").env("CLICOLOR", "0")));
    let json = jobs().arg("--output").arg("json").arg("--color=always").run().code(0);
    assert!(!json.out.contains('\u{1b}'), "a document has no color");
}

#[tokio::test]
async fn a_long_cell_is_cut_and_wide_keeps_it() {
    let place = Place::file();
    fill(&place).await.close().await.unwrap();
    let cut = place.craft("queue:failed").run().done();
    assert!(cut.contains('…') && !cut.contains(&"long ".repeat(19)));
    let wide = place.craft("queue:failed --wide").run().done();
    assert!(!wide.contains('…') && wide.contains(&"long ".repeat(19)));
    let shown = place.craft("queue:show mail").run().done();
    assert!(shown.contains('…') && !shown.contains(&"long ".repeat(19)), "{shown}");
    assert!(shown.contains("timed out after 30s\n"), "the first line of an error: {shown}");
    assert!(place.craft("queue:show mail --wide").run().done().contains(&"long ".repeat(19)));
}

#[test]
fn a_color_that_is_none_is_refused() {
    crate::craft::craft("stats --color blue").run().refused(2, &["blue", "auto, always, never"]);
}
