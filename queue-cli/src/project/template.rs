//! The files that are written, from the texts in `templates/`.

use std::collections::BTreeSet;

use super::fields::Field;
use super::name::JobName;

/// The line of `src/jobs/mod.rs` above which `craft job` writes.
pub(super) const MARKER: &str = "// craft:jobs";

/// What the file of a job says.
#[derive(Debug)]
pub(super) struct JobFile<'a> {
    pub(super) name: &'a JobName,
    pub(super) queue: Option<&'a str>,
    pub(super) is_blocking: bool,
    pub(super) fields: &'a [Field],
    pub(super) has_test: bool,
}

/// The binary of the jobs of a crate.
pub(super) fn binary(crate_name: &str) -> String {
    include_str!("templates/binary.txt").replace("{{crate}}", crate_name)
}

/// The module of the jobs.
pub(super) fn jobs() -> String {
    include_str!("templates/jobs.txt").to_owned()
}

/// The library of a package that had none.
pub(super) fn library(package: &str) -> String {
    include_str!("templates/library.txt").replace("{{package}}", package)
}

/// The lines of a job in `src/jobs/mod.rs`.
pub(super) fn export(name: &JobName) -> [String; 2] {
    let JobName { type_name, module } = name;
    [format!("mod {module};"), format!("pub use {module}::{type_name};")]
}

impl JobFile<'_> {
    /// Its text; the test is left out where a field has a type of which no value is known.
    pub(super) fn text(&self) -> String {
        let imports: BTreeSet<&str> = self.fields.iter().flat_map(|field| &field.imports).copied().collect();
        let mut imports: String = imports.into_iter().map(|path| format!("use {path};\n")).collect();
        if !imports.is_empty() {
            imports.push('\n');
        }
        let fields =
            self.fields.iter().map(|Field { name, text, .. }| format!("    /// Stored with the job.\n    pub {name}: {text},\n"));
        let job = include_str!("templates/job.txt")
            .replace("{{imports}}", &imports)
            .replace("{{attribute}}", &self.attribute())
            .replace("{{type}}", &self.name.type_name)
            .replace("{{fields}}", &fields.collect::<String>())
            .replace("{{trait}}", if self.is_blocking { "BlockingJob" } else { "Job" })
            .replace("{{async}}", self.asynchronous());
        job + &self.test().unwrap_or_default()
    }

    fn asynchronous(&self) -> &'static str {
        if self.is_blocking { "" } else { "async " }
    }

    fn attribute(&self) -> String {
        let mut keys = vec![format!("name = \"{}\"", self.name.type_name)];
        keys.extend(self.queue.map(|queue| format!("queue = \"{queue}\"")));
        keys.extend(self.is_blocking.then(|| "blocking".to_owned()));
        format!("#[queueable({})]", keys.join(", "))
    }

    fn test(&self) -> Option<String> {
        let values: Vec<String> = self
            .fields
            .iter()
            .map(|field| field.value.as_ref().map(|value| format!("{}: {value}", field.name)))
            .collect::<Option<_>>()
            .filter(|_| self.has_test)?;
        let type_name = &self.name.type_name;
        let literal = format!("{type_name} {{ {} }}", values.join(", "));
        let test = include_str!("templates/test.txt")
            .replace("{{test}}", if self.is_blocking { "#[test]" } else { "#[tokio::test]" })
            .replace("{{literal}}", &literal)
            .replace("{{async}}", self.asynchronous())
            .replace("{{await}}", if self.is_blocking { "" } else { ".await" });
        Some(test)
    }

    /// Whether the test was left out though it was asked for.
    pub(super) fn lacks_test(&self) -> bool {
        self.has_test && self.test().is_none()
    }
}
