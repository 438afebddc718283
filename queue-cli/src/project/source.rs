//! Reading Rust files, and adding a module to one.

use syn::spanned::Spanned as _;
use syn::{Attribute, File, Item, ItemMod, UseTree, Visibility};

use super::failure::{Failure, Result};

/// A file that was parsed, beside its text.
pub(super) struct Source<'a> {
    text: &'a str,
    file: File,
}

/// How a file has a module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Module {
    Absent,
    /// `pub mod name;`
    Public,
    /// `mod name;`, or with less than `pub`.
    Private,
    /// With a body, or at a path of its own.
    Elsewhere,
}

impl<'a> Source<'a> {
    /// # Errors
    ///
    /// Where it is not Rust; `path` is for the message.
    pub(super) fn parse(text: &'a str, path: &str) -> Result<Self> {
        let file = syn::parse_file(text).map_err(|error| {
            let at = error.span().start();
            Failure::new(format!("cannot parse {path}: {error} (line {}): nothing was written", at.line))
        })?;
        Ok(Self { text, file })
    }

    /// The module of that name.
    pub(super) fn module(&self, name: &str) -> Module {
        let mut modules = self.modules().filter(|module| module.ident == name);
        modules.next().map_or(Module::Absent, |module| {
            let moved = |attribute: &Attribute| attribute.path().is_ident("path");
            match module.vis {
                _ if module.content.is_some() || module.attrs.iter().any(moved) => Module::Elsewhere,
                Visibility::Public(_) => Module::Public,
                _ => Module::Private,
            }
        })
    }

    /// Whether it has a `pub fn` of that name.
    pub(super) fn has_public_function(&self, name: &str) -> bool {
        let is_it =
            |item: &Item| matches!(item, Item::Fn(item) if item.sig.ident == name && matches!(item.vis, Visibility::Public(_)));
        self.file.items.iter().any(is_it)
    }

    /// Whether it has a type, a trait or an import of that name, but for `pub use module::name`.
    pub(super) fn has_type(&self, name: &str, module: &str) -> bool {
        self.file.items.iter().any(|item| match item {
            Item::Struct(item) => item.ident == name,
            Item::Enum(item) => item.ident == name,
            Item::Union(item) => item.ident == name,
            Item::Trait(item) => item.ident == name,
            Item::Type(item) => item.ident == name,
            Item::Mod(item) => item.ident == name,
            Item::Use(item) => imports(&item.tree, name, None).is_some_and(|from| from.as_deref() != Some(module)),
            _ => false,
        })
    }

    /// Whether it has `pub use module::name`.
    pub(super) fn has_export(&self, name: &str, module: &str) -> bool {
        self.file.items.iter().any(|item| match item {
            Item::Use(item) => {
                matches!(item.vis, Visibility::Public(_))
                    && imports(&item.tree, name, None).is_some_and(|from| from.as_deref() == Some(module))
            }
            _ => false,
        })
    }

    /// The text with `pub mod name;`: in order among the modules that stand together at first, else by itself before the first item.
    pub(super) fn with_module(&self, name: &str) -> String {
        let line = format!("pub mod {name};");
        let group = self.group();
        let mut lines: Vec<&str> = self.text.lines().collect();
        if let Some((last, _)) = group.last() {
            let at = group.iter().find(|(_, module)| module.as_str() > name).map_or(last + 1, |(at, _)| *at);
            lines.insert(at, &line);
        } else if let Some(first) = self.file.items.first() {
            let mut at = first.span().start().line.saturating_sub(1).min(lines.len());
            // A comment goes with the item below it.
            while at > 0 && lines[at - 1].trim_start().starts_with("//") && !lines[at - 1].trim_start().starts_with("//!") {
                at -= 1;
            }
            if at > 0 && !lines[at - 1].trim().is_empty() {
                lines.insert(at, "");
                at += 1;
            }
            lines.splice(at..at, [line.as_str(), ""]);
        } else {
            if lines.last().is_some_and(|last| !last.trim().is_empty()) {
                lines.push("");
            }
            lines.push(&line);
        }
        lines.iter().flat_map(|line| [*line, "\n"]).collect()
    }

    fn modules(&self) -> impl Iterator<Item = &ItemMod> {
        self.file.items.iter().filter_map(|item| match item {
            Item::Mod(module) => Some(module),
            _ => None,
        })
    }

    /// The first modules that stand line by line, each on one and without attributes: their lines, from 0, and names.
    fn group(&self) -> Vec<(usize, String)> {
        let mut group: Vec<(usize, String)> = Vec::new();
        for module in self.modules() {
            let (start, end) = (module.span().start().line, module.span().end().line);
            let line = start.saturating_sub(1);
            let is_plain = start == end && module.content.is_none() && module.attrs.is_empty();
            let follows = group.last().is_none_or(|(last, _)| last + 1 == line);
            match is_plain && follows {
                true => group.push((line, module.ident.to_string())),
                false if group.is_empty() => {}
                false => break,
            }
        }
        group
    }
}

/// Whether a `use` brings a name, and the module before it: `Some(Some("a"))` for `a::Name`.
fn imports(tree: &UseTree, name: &str, from: Option<String>) -> Option<Option<String>> {
    match tree {
        UseTree::Path(path) => imports(&path.tree, name, Some(path.ident.to_string())),
        UseTree::Name(leaf) => (leaf.ident == name).then_some(from),
        // Under another name it is another's.
        UseTree::Rename(leaf) => (leaf.rename == name).then_some(None),
        UseTree::Glob(_) => None,
        UseTree::Group(group) => group.items.iter().find_map(|tree| imports(tree, name, from.clone())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_jobs(text: &str) -> String {
        Source::parse(text, "lib.rs").unwrap().with_module("jobs")
    }

    #[test]
    fn a_module_goes_among_the_others_in_order() {
        assert_eq!(with_jobs("mod a;\nmod z;\n\nfn f() {}\n"), "mod a;\npub mod jobs;\nmod z;\n\nfn f() {}\n");
        assert_eq!(
            with_jobs("//! Doc.\n\npub mod a;\nmod b;\nuse b::c;\n"),
            "//! Doc.\n\npub mod a;\nmod b;\npub mod jobs;\nuse b::c;\n"
        );
        assert_eq!(with_jobs("mod k;"), "pub mod jobs;\nmod k;\n");
    }

    #[test]
    fn without_others_it_stands_before_the_first_item() {
        assert_eq!(with_jobs(""), "pub mod jobs;\n");
        assert_eq!(with_jobs("//! Doc.\n"), "//! Doc.\n\npub mod jobs;\n");
        assert_eq!(with_jobs("pub fn f() {}\n"), "pub mod jobs;\n\npub fn f() {}\n");
        assert_eq!(
            with_jobs("//! Doc.\n#![warn(unused)]\nuse a::b;\n"),
            "//! Doc.\n#![warn(unused)]\n\npub mod jobs;\n\nuse a::b;\n"
        );
        assert_eq!(
            with_jobs("//! Doc.\n\n// Of f.\n/// Does.\nfn f() {}\n"),
            "//! Doc.\n\npub mod jobs;\n\n// Of f.\n/// Does.\nfn f() {}\n"
        );
        assert_eq!(with_jobs("#[cfg(test)]\nmod tests {}\n"), "pub mod jobs;\n\n#[cfg(test)]\nmod tests {}\n");
    }

    #[test]
    fn what_a_file_has_is_seen() {
        let source = Source::parse(
            "pub mod a; mod b; pub mod c {} #[path = \"x.rs\"] pub mod d;\n\
             pub use a::A; use b::{B, x::Y as Z}; pub fn container() {} fn hidden() {}",
            "lib.rs",
        )
        .unwrap();
        let modules = ["a", "b", "c", "d", "e"].map(|name| source.module(name));
        assert_eq!(modules, [Module::Public, Module::Private, Module::Elsewhere, Module::Elsewhere, Module::Absent]);
        assert!(source.has_export("A", "a") && !source.has_export("A", "b") && !source.has_export("B", "b"));
        assert!(
            !source.has_type("A", "a") && source.has_type("A", "b") && source.has_type("Z", "x") && !source.has_type("Y", "q")
        );
        assert!(source.has_public_function("container") && !source.has_public_function("hidden"));
    }

    #[test]
    fn what_is_no_rust_is_refused_with_the_line() {
        let failure = Source::parse("fn f() {}\nfn {\n", "src/lib.rs").err().unwrap().to_string();
        assert!(failure.starts_with("cannot parse src/lib.rs: ") && failure.contains("line 2"), "{failure}");
    }
}
