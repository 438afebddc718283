//! Who may import whom in `queue/src`, and how large a file may be: the table of `docs/architecture.md`, kept.
//!
//! It reads tokens, not lines: a path counts wherever it stands, and comments, texts and `#[cfg(test)]` items do not.

#![expect(clippy::unwrap_used, reason = "a check of the repository may panic where it cannot read it")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::{env, fs, iter};

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// A module or item by its path from the crate root: `["drivers", "memory", "rows"]`.
type Name = Vec<String>;

/// Where a module stands in the table.
#[derive(Debug, PartialEq, Eq)]
struct Place {
    layer: u8,
    /// What counts as its own folder.
    folder: String,
}

/// The table.
fn place(module: &[String]) -> Option<Place> {
    let names: Vec<&str> = module.iter().map(String::as_str).collect();
    let layer = match names[..] {
        ["error" | "clock" | "nearest" | "park" | "sync" | "telemetry", ..] => 0,
        ["container", ..] => 1,
        ["job", ..] => 2,
        ["drivers"]
        | ["drivers", "data" | "error" | "events" | "inspect" | "migrate" | "names" | "numbers" | "opening" | "refusal", ..] => 3,
        ["drivers", ..] => return Some(Place { layer: 4, folder: names[..2].join("/") }),
        ["registry" | "queue", ..] => 4,
        ["cron" | "flow", ..] => 5,
        ["worker" | "connect", ..] => 6,
        ["testing", ..] => 7,
        _ => return None,
    };
    Some(Place { layer, folder: names[0].to_owned() })
}

/// What is wrong with an import, if anything.
fn verdict(from: &Place, to: &Place) -> Option<&'static str> {
    let names_a_driver = to.folder.starts_with("drivers/");
    if from.folder == to.folder {
        None
    } else if to.layer > from.layer {
        Some("imports upwards")
    } else if to.layer == from.layer {
        Some("imports across")
    } else if from.folder.starts_with("drivers/") && to.folder == "container" {
        Some("is a driver and sees the container")
    } else if names_a_driver && !["connect", "testing"].contains(&from.folder.as_str()) {
        Some("names a driver")
    } else {
        None
    }
}

/// A path in a source.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Import {
    path: Name,
    /// The name that a `pub use` gives it here.
    public: Option<String>,
}

/// The sources of a crate.
struct Sources {
    files: BTreeMap<Name, TokenStream>,
    /// What `pub use` makes of other names.
    renamed: BTreeMap<Name, Name>,
}

impl Sources {
    /// Takes files by their path below `src`.
    fn new<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let parse = |(path, text): (&str, &str)| (module(path), text.parse().unwrap_or_else(|error| panic!("{path}: {error}")));
        let mut sources = Self { files: files.into_iter().map(parse).collect(), renamed: BTreeMap::new() };
        for (at, import) in sources.imports() {
            if let Some(name) = &import.public {
                sources.renamed.insert(at.iter().chain(iter::once(name)).cloned().collect(), import.path);
            }
        }
        sources
    }

    /// Every import of the crate that leads into the crate, with the module that it stands in.
    fn imports(&self) -> Vec<(Name, Import)> {
        let mut found = Vec::new();
        for (module, tokens) in &self.files {
            let mut imports = Vec::new();
            Scan { at: module.clone(), sources: self, found: &mut imports }.tokens(tokens.clone());
            found.extend(imports.into_iter().map(|import| (module.clone(), import)));
        }
        found
    }

    /// The module that a path leads to, through every `pub use`.
    fn resolve(&self, path: &[String]) -> Name {
        let mut module = Name::new();
        for (index, segment) in path.iter().enumerate() {
            module.push(segment.clone());
            if self.files.contains_key(&module) {
                continue;
            }
            if let Some(target) = self.renamed.get(&module).filter(|target| **target != module) {
                return self.resolve(&[target, &path[index + 1..]].concat());
            }
            module.pop();
            break;
        }
        module
    }

    /// Everything that breaks the table.
    fn faults(&self) -> BTreeSet<String> {
        let mut faults = BTreeSet::new();
        for (module, import) in self.imports() {
            // `lib.rs` and the prelude only re-export; so does a folder's front page with what lies in the folder.
            let is_front_page = import.public.is_some() && import.path.starts_with(&module);
            if module.is_empty() || module == ["prelude"] || is_front_page {
                continue;
            }
            // An exported macro stands at the root, wherever it was written; these are called by the suite's own macro.
            if import.path.first().is_some_and(|name| name.starts_with("__conformance_")) {
                continue;
            }
            let (file, path) = (module.join("/"), import.path.join("::"));
            let target = self.resolve(&import.path);
            match (place(&module), place(&target)) {
                (None, _) => drop(faults.insert(format!("`{file}` has no layer: give it one in the table"))),
                (_, None) => drop(faults.insert(format!("`{file}` names `{path}`, which has no layer"))),
                (Some(from), Some(to)) => faults.extend(verdict(&from, &to).map(|fault| format!("`{file}` {fault}: `{path}`"))),
            }
        }
        faults
    }
}

/// The module of a file.
fn module(path: &str) -> Name {
    let mut module: Name = path.trim_end_matches(".rs").split('/').map(str::to_owned).collect();
    if module.last().is_some_and(|last| last == "mod" || last == "lib") {
        module.pop();
    }
    module
}

/// Looks for imports in one module.
struct Scan<'a> {
    at: Name,
    sources: &'a Sources,
    found: &'a mut Vec<Import>,
}

impl Scan<'_> {
    fn tokens(&mut self, tokens: TokenStream) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let mut rest = &tokens[..];
        let mut public = false;
        while let Some((first, after)) = rest.split_first() {
            rest = after;
            match first {
                TokenTree::Punct(punct) if punct.as_char() == '#' && is_for_tests(after) => rest = after_item(after),
                TokenTree::Punct(punct) if punct.as_char() == ':' && starts_path(rest) => rest = after_path(rest),
                TokenTree::Punct(punct) if punct.as_char() == ';' => public = false,
                TokenTree::Ident(ident) if ident == "pub" => public = true,
                TokenTree::Ident(ident) if ident == "use" => {
                    let end = rest.iter().position(|token| matches!(token, TokenTree::Punct(p) if p.as_char() == ';'));
                    self.tree(&rest[..end.unwrap_or(rest.len())], &Name::new(), Some(public));
                    rest = &rest[end.unwrap_or(rest.len())..];
                }
                TokenTree::Ident(ident) if ident == "mod" && matches!(rest, [_, TokenTree::Group(_), ..]) => {
                    let (name, body) = (rest[0].to_string(), &rest[1]);
                    if let TokenTree::Group(body) = body {
                        let at = [&self.at[..], &[name]].concat();
                        Scan { at, sources: self.sources, found: self.found }.tokens(body.stream());
                    }
                    (rest, public) = (&rest[2..], false);
                }
                TokenTree::Ident(_) if is_colons(rest) => {
                    self.tree(&tokens[tokens.len() - rest.len() - 1..], &Name::new(), None);
                    rest = after_path(&rest[2..]);
                }
                TokenTree::Group(group) => {
                    // The brackets of `pub(crate)` and of an attribute end nothing.
                    public &= group.delimiter() != Delimiter::Brace;
                    self.tokens(group.stream());
                }
                _ => {}
            }
        }
    }

    /// Reads `a::b`, `a::{b, c as d}` or `a::*`; `public` is `None` outside of a `use`.
    fn tree(&mut self, mut tokens: &[TokenTree], before: &Name, public: Option<bool>) {
        let mut path = before.clone();
        loop {
            match tokens {
                [TokenTree::Ident(segment), rest @ ..] => {
                    path.push(segment.to_string());
                    tokens = rest;
                }
                [TokenTree::Group(group), ..] if public.is_some() => {
                    let inner: Vec<TokenTree> = group.stream().into_iter().collect();
                    for part in inner.split(|token| matches!(token, TokenTree::Punct(p) if p.as_char() == ',')) {
                        self.tree(part, &path, public);
                    }
                    return;
                }
                _ => break,
            }
            if !is_colons(tokens) {
                break;
            }
            tokens = &tokens[2..];
        }
        if path.last().is_some_and(|last| last == "self") && path.len() > 1 {
            path.pop();
        }
        let alias = match tokens {
            [TokenTree::Ident(word), TokenTree::Ident(alias), ..] if word == "as" => Some(alias.to_string()),
            _ => path.last().cloned(),
        };
        if let Some(path) = self.absolute(&path) {
            self.found.push(Import { path, public: alias.filter(|_| public == Some(true)) });
        }
    }

    /// The path from the crate root, if it leads into the crate.
    fn absolute(&self, path: &[String]) -> Option<Name> {
        let (first, rest) = path.split_first()?;
        let mut base = self.at.clone();
        let mut rest = rest;
        match first.as_str() {
            "crate" => base.clear(),
            "self" => {}
            "super" => drop(base.pop()),
            child => {
                base.push(child.to_owned());
                if !self.sources.files.contains_key(&base) {
                    return None;
                }
            }
        }
        while let [first, others @ ..] = rest
            && first == "super"
        {
            base.pop();
            rest = others;
        }
        // Written by macros for the code of users.
        if rest.first().is_some_and(|name| name == "__private") {
            return None;
        }
        base.extend_from_slice(rest);
        Some(base)
    }
}

fn is_colons(tokens: &[TokenTree]) -> bool {
    matches!(tokens, [TokenTree::Punct(a), TokenTree::Punct(b), ..] if a.as_char() == ':' && b.as_char() == ':')
}

/// Whether the second colon of a `::` and a name follow, so that what stands here goes on with a path.
fn starts_path(tokens: &[TokenTree]) -> bool {
    matches!(tokens, [TokenTree::Punct(colon), TokenTree::Ident(_), ..] if colon.as_char() == ':')
}

/// What follows the rest of a path.
fn after_path(mut tokens: &[TokenTree]) -> &[TokenTree] {
    if starts_path(tokens) {
        tokens = &tokens[1..];
    }
    while let [TokenTree::Ident(_), rest @ ..] = tokens {
        tokens = rest;
        match is_colons(tokens) {
            true => tokens = &tokens[2..],
            false => break,
        }
    }
    tokens
}

/// Whether an attribute says `cfg(test)` or `cfg(all(test, ..))`.
fn is_for_tests(tokens: &[TokenTree]) -> bool {
    let Some(TokenTree::Group(attribute)) = tokens.first() else { return false };
    let text: String = attribute.stream().to_string().split_whitespace().collect();
    text == "cfg(test)" || text.starts_with("cfg(all(test,")
}

/// What follows the item that an attribute stands before.
fn after_item(tokens: &[TokenTree]) -> &[TokenTree] {
    let is_end = |token: &TokenTree| match token {
        TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
        TokenTree::Punct(punct) => punct.as_char() == ';',
        _ => false,
    };
    tokens.iter().position(is_end).map_or(&[], |end| &tokens[end + 1..])
}

/// Every text file of the workspace that people write, by its path below the root.
fn written_files() -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut found = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            let name = entry.file_name().unwrap().to_string_lossy();
            if entry.is_dir() && !["target", ".git", "outbox"].contains(&&*name) {
                folders.push(entry);
            } else if entry.is_file() && name != "Cargo.lock" {
                // What is no text has no lines.
                let Ok(text) = fs::read_to_string(&entry) else { continue };
                found.push((entry.strip_prefix(&root).unwrap().to_owned(), text));
            }
        }
    }
    found
}

#[test]
fn no_file_imports_up_or_across() {
    let files: Vec<(String, String)> = written_files()
        .into_iter()
        .filter(|(path, _)| path.extension().is_some_and(|extension| extension == "rs") && !path.ends_with("tests.rs"))
        .filter_map(|(path, text)| Some((path.strip_prefix("queue/src").ok()?.to_str()?.replace('\\', "/"), text)))
        .collect();
    assert!(files.len() > 20, "only {} files found", files.len());
    let faults = Sources::new(files.iter().map(|(path, text)| (path.as_str(), text.as_str()))).faults();
    assert!(faults.is_empty(), "\n{}\n", faults.into_iter().collect::<Vec<_>>().join("\n"));
}

#[test]
fn no_file_is_too_long_or_named_for_nothing() {
    let mut faults = Vec::new();
    for (path, text) in written_files() {
        let lines = text.lines().count();
        if lines > 600 {
            faults.push(format!("{} has {lines} lines and the limit is 600: split it by role", path.display()));
        }
        for part in path.iter().filter_map(|part| Path::new(part).file_stem()) {
            if ["utils", "util", "helpers", "helper", "common", "misc"].iter().any(|name| part == *name) {
                faults.push(format!("{} says nothing about its role: name it for what it does", path.display()));
            }
        }
    }
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A crate with a bit of everything, and one more file.
    #[track_caller]
    fn assert_faults(path: &str, text: &str, expected: &[&str]) {
        let crate_files = [
            ("lib.rs", "pub mod worker; pub use worker::Worker; pub use job::{JobId, id as other}; pub use connect::*;"),
            ("prelude.rs", "pub use crate::{JobId, Worker};"),
            ("error.rs", ""),
            ("container/mod.rs", ""),
            ("job/mod.rs", "pub mod id; pub use id::JobId;"),
            ("job/id.rs", "use crate::error::Error;"),
            ("drivers/mod.rs", "pub mod inspect; pub mod memory; pub use memory::Memory; pub use inspect::Counts;"),
            ("drivers/inspect.rs", "use super::Driver;"),
            ("drivers/memory/mod.rs", "use super::{Driver, inspect::Counts};"),
            ("drivers/sqlite.rs", ""),
            ("registry.rs", "use crate::{container::Scope, job::*};"),
            ("queue/mod.rs", "use crate::drivers::Driver;"),
            ("worker/mod.rs", "use crate::queue::Queue;"),
            ("connect.rs", "use crate::drivers::memory::Memory; use crate::drivers::Memory as M;"),
        ];
        let files = crate_files.into_iter().filter(|(name, _)| *name != path).chain([(path, text)]);
        let faults: Vec<String> = Sources::new(files).faults().into_iter().collect();
        assert_eq!(faults, expected, "{path}: {text}");
    }

    #[test]
    fn what_is_below_or_beside_is_fine() {
        assert_faults("worker/fetch.rs", "use super::Worker; use crate::{JobId, drivers::{self, Counts}};", &[]);
        assert_faults("drivers/memory/rows.rs", "use super::super::inspect::Counts; use crate::job::JobId;", &[]);
        assert_faults("error.rs", "use std::error::Error; fn f() { crate_like::worker::f(); }", &[]);
    }

    #[test]
    fn up_is_refused_in_every_spelling() {
        let fault = "`job/id` imports upwards: `worker::Worker`";
        assert_faults("job/id.rs", "use crate::worker::Worker;", &[fault]);
        assert_faults("job/id.rs", "use crate::{error::Error, worker::{Worker as W}};", &[fault]);
        assert_faults("job/id.rs", "use super::super::worker::Worker;", &[fault]);
        assert_faults(
            "job/id.rs",
            "fn f() -> crate::worker::Worker { f(&[crate::worker::Worker::new()]) }",
            &["`job/id` imports upwards: `worker::Worker::new`", fault],
        );
        assert_faults("job/id.rs", "macro_rules! m { () => { $crate::worker::Worker } }", &[fault]);
        assert_faults("job/id.rs", "use crate::Worker;", &["`job/id` imports upwards: `Worker`"]);
        assert_faults("job/id.rs", "use crate::worker::*;", &["`job/id` imports upwards: `worker`"]);
        assert_faults("job/id.rs", "mod inner { use super::super::super::worker; }", &["`job/id` imports upwards: `worker`"]);
    }

    #[test]
    fn across_is_refused() {
        assert_faults("worker/fetch.rs", "use crate::connect::Connect;", &["`worker/fetch` imports across: `connect::Connect`"]);
        assert_faults("queue/mod.rs", "use crate::registry::Registry;", &["`queue` imports across: `registry::Registry`"]);
    }

    #[test]
    fn a_driver_is_named_by_connect_only_and_sees_little() {
        assert_faults("worker/mod.rs", "use crate::drivers::Memory;", &["`worker` names a driver: `drivers::Memory`"]);
        assert_faults("drivers/inspect.rs", "use super::Memory;", &["`drivers/inspect` imports upwards: `drivers::Memory`"]);
        assert_faults(
            "drivers/mod.rs",
            "pub mod memory; fn f() { memory::start(); }",
            &["`drivers` imports upwards: `drivers::memory::start`"],
        );
        assert_faults(
            "drivers/sqlite.rs",
            "use super::memory::Rows;",
            &["`drivers/sqlite` imports across: `drivers::memory::Rows`"],
        );
        assert_faults(
            "drivers/sqlite.rs",
            "use crate::container::Scope;",
            &["`drivers/sqlite` is a driver and sees the container: `container::Scope`"],
        );
    }

    #[test]
    fn tests_comments_and_texts_are_free() {
        assert_faults("job/id.rs", "#[cfg(test)] mod tests { use crate::worker::Worker; }", &[]);
        assert_faults("job/id.rs", "#[cfg(test)] use crate::worker::{self, Worker};", &[]);
        assert_faults("job/id.rs", "/// [`crate::worker`]\nconst A: &str = \"crate::worker\"; // crate::worker", &[]);
        assert_faults(
            "job/id.rs",
            "#[cfg(test)] mod tests {} use crate::worker::Worker;",
            &["`job/id` imports upwards: `worker::Worker`"],
        );
    }

    #[test]
    fn a_new_module_needs_a_layer() {
        assert_faults("extras.rs", "use crate::error::Error;", &["`extras` has no layer: give it one in the table"]);
        assert_faults("job/id.rs", "use crate::prelude::*;", &["`job/id` names `prelude`, which has no layer"]);
    }
}
