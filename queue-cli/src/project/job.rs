//! `craft job NAME`: writes the file of a job, and its lines in the module of the jobs.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;

use super::apply::apply;
use super::failure::{Failure, Result};
use super::fields::{self, Field};
use super::init::JobsFile;
use super::name::JobName;
use super::package::{Package, Workspace};
use super::plan::{Plan, read, shown};
use super::rustfmt::formatted;
use super::source::{Module, Source};
use super::template::{JobFile, MARKER, export};

/// Writes a job: its file in `src/jobs`, with a test, and its lines in `src/jobs/mod.rs`.
#[derive(Debug, Args)]
pub(super) struct NewJob {
    /// SendWelcomeEmail, send_welcome_email or send-welcome-email: all the same
    name: String,
    /// The queue that it waits in
    #[arg(long, value_name = "QUEUE")]
    queue: Option<String>,
    /// A plain fn on the blocking pool, for what computes or waits without async
    #[arg(long)]
    blocking: bool,
    /// A field that is stored with the job, such as user_id:u64; may be given several times
    #[arg(long = "field", value_name = "NAME:TYPE")]
    fields: Vec<String>,
    /// Show what would change, and write nothing
    #[arg(long)]
    dry_run: bool,
    /// Write the file of the job even where there is one
    #[arg(long)]
    force: bool,
    /// Leave out the test
    #[arg(long)]
    no_test: bool,
}

/// Runs the command, and returns what it has to say.
///
/// # Errors
///
/// Where a name or a file is in the way; then nothing was written.
pub(super) fn run(new: &NewJob, package: Option<&str>, current: &Path) -> Result<String> {
    let name = JobName::parse(&new.name)?;
    let fields = fields::parse(&new.fields)?;
    let queue = new.queue.as_deref();
    queue.map_or(Ok(()), check_queue)?;
    let workspace = Workspace::around(current)?;
    let Some(workspace) = workspace else {
        return Err(Failure::new("no Cargo.toml in this folder or above: run it in a package with jobs"));
    };
    let package = workspace.package(package)?;
    if package.crates().any(|crate_name| crate_name == name.module) {
        return Err(Failure::new(format!(
            "`{}` is a crate that the package depends on: choose another name for the job",
            name.module
        )));
    }
    let file = JobFile { name: &name, queue, is_blocking: new.blocking, fields: &fields, has_test: !new.no_test };
    let plan = plan(&file, package, new.force)?;
    plan.check()?;
    let is_unchanged = plan.writes().next().is_none();
    if new.dry_run {
        return Ok(if is_unchanged { "nothing would change\n".to_owned() } else { plan.diff() });
    }
    apply(&plan)?;
    let mut said = plan.summary();
    if is_unchanged {
        said.push_str(&format!("unchanged: the job {} is there as it would be written\n", name.type_name));
        return Ok(said);
    }
    if file.lacks_test() {
        said.push_str("no test was written: it needs values of types that are not known here\n");
    }
    said.push_str(&advice(&name, &fields));
    Ok(said)
}

fn plan(file: &JobFile<'_>, package: &Package, force: bool) -> Result<Plan> {
    let jobs = JobsFile::of(package);
    let (Some(library), true) = (read(&jobs.library)?, jobs.path.is_file()) else {
        return Err(Failure::new(format!("the package `{}` has no jobs yet: run `craft init` first", package.name)));
    };
    if Source::parse(library.plain(), &shown(&jobs.library))?.module("jobs") == Module::Absent {
        let library = shown(&jobs.library);
        return Err(Failure::new(format!("{library} has no `pub mod jobs;`: run `craft init` first")));
    }
    let text = formatted(file.text(), package);
    let path = place(file, &jobs, &text, force)?;
    let module = shown(&jobs.path);
    let mut plan = Plan::default();
    plan.put(path, text)?;
    plan.edit(jobs.path, |text| exported(text.unwrap_or_default(), file.name, &module))?;
    Ok(plan)
}

/// Where the file goes.
fn place(file: &JobFile<'_>, jobs: &JobsFile, text: &str, force: bool) -> Result<PathBuf> {
    let module = &file.name.module;
    let folder = jobs.library.parent().unwrap_or(Path::new("")).join("jobs");
    let path = folder.join(format!("{module}.rs"));
    if folder.join(module).join("mod.rs").exists() {
        let other = shown(&folder.join(module).join("mod.rs"));
        return Err(Failure::new(format!("{other} is there already: choose another name for the job")));
    }
    // Where the file system does not tell large letters from small ones the two would be one file.
    let alike = |name: &OsStr| name.to_str().is_some_and(|name| name.eq_ignore_ascii_case(&format!("{module}.rs")));
    let entries = fs::read_dir(&folder).into_iter().flatten().flatten();
    let twin = entries.map(|entry| entry.path()).find(|other| *other != path && other.file_name().is_some_and(alike));
    if let Some(twin) = twin {
        return Err(Failure::new(format!("{} is there, which differs in large letters only: choose another name", shown(&twin))));
    }
    if path.is_dir() {
        return Err(Failure::new(format!("{} is a folder: choose another name for the job", shown(&path))));
    }
    // What is there is overwritten by `--force` whatever it is, so it need not be readable as text before.
    let is_same = || fs::read(&path).is_ok_and(|bytes| bytes == text.as_bytes());
    if path.exists() && !force && !is_same() {
        return Err(Failure::new(format!("{} is there already: nothing was written; --force overwrites it", shown(&path))));
    }
    Ok(path)
}

/// The module of the jobs with the lines of a job, among the others in order.
fn exported(text: &str, name: &JobName, path: &str) -> Result<String> {
    let source = Source::parse(text, path)?;
    let JobName { type_name, module } = name;
    let declared = source.module(module);
    if source.has_export(type_name, module) && matches!(declared, Module::Private | Module::Public) {
        return Ok(text.to_owned());
    }
    if declared != Module::Absent {
        return Err(Failure::new(format!("{path} has another module `{module}`: choose another name for the job")));
    }
    if source.has_type(type_name, module) {
        return Err(Failure::new(format!("{path} has another `{type_name}`: choose another name for the job")));
    }
    let [declares, exports] = export(name);
    let mut lines: Vec<&str> = text.lines().collect();
    let Some(marker) = lines.iter().position(|line| line.trim_start().starts_with(MARKER)) else {
        return Err(Failure::new(format!(
            "{path} has no line `{MARKER}`, above which jobs are written: nothing was written. Add that line, or these:\n\n{declares}\n{exports}\n"
        )));
    };
    // The lines of jobs are those directly above.
    let is_of_job = |line: &&&str| line.starts_with("mod ") || line.starts_with("pub use ");
    let count = lines[..marker].iter().rev().take_while(is_of_job).count();
    let is_later = |line: &&str| {
        line.strip_prefix("mod ").and_then(|rest| rest.strip_suffix(';')).is_some_and(|other| other > module.as_str())
    };
    let at = lines[marker - count..marker].iter().position(is_later).map_or(marker, |index| marker - count + index);
    lines.splice(at..at, [declares.as_str(), exports.as_str()]);
    Ok(lines.iter().flat_map(|line| [*line, "\n"]).collect())
}

/// Whether the derive takes a queue of that name.
fn check_queue(queue: &str) -> Result<()> {
    let is_fine = |letter: char| letter.is_ascii_alphanumeric() || "_-.:/".contains(letter);
    if queue.is_empty() || queue.len() > 128 || !queue.chars().all(is_fine) {
        let queue = queue.escape_debug();
        return Err(Failure::new(format!("--queue {queue}: a queue is called by letters, digits and `_ - . : /`, 128 at most")));
    }
    Ok(())
}

/// What to do next.
fn advice(name: &JobName, fields: &[Field]) -> String {
    let type_name = &name.type_name;
    let push = if fields.is_empty() {
        format!("Queue::push::<{type_name}>().await?")
    } else {
        let names: Vec<&str> = fields.iter().map(|field| field.name.as_str()).collect();
        format!("{type_name}::with({}).push().await?", names.join(", "))
    };
    format!("\nnext: write what `handle` does, and push the job by\n  {push}\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::template;

    fn add(text: &str, name: &str) -> Result<String> {
        exported(text, &JobName::parse(name).unwrap(), "mod.rs")
    }

    #[test]
    fn jobs_stand_in_order_whatever_order_they_came_in() {
        let mut text = template::jobs();
        for name in ["Middle", "Zebra", "Apple", "MiddleEnd"] {
            text = add(&text, name).unwrap();
        }
        let expected = "mod apple;\npub use apple::Apple;\nmod middle;\npub use middle::Middle;\nmod middle_end;\npub use middle_end::MiddleEnd;\n\
                        mod zebra;\npub use zebra::Zebra;\n// craft:jobs";
        assert!(text.contains(expected), "{text}");
        assert_eq!(add(&text, "Apple").unwrap(), text);
    }

    #[test]
    fn what_is_in_the_way_is_named() {
        for (text, why) in [
            ("mod a { }\n// craft:jobs\n", "another module `a`"),
            ("mod a;\n// craft:jobs\n", "another module `a`"),
            ("pub struct A;\n// craft:jobs\n", "another `A`"),
            ("use b::A;\n// craft:jobs\n", "another `A`"),
            ("use b::B as A;\n// craft:jobs\n", "another `A`"),
            ("fn {\n// craft:jobs\n", "cannot parse mod.rs"),
            ("mod b;\n", "no line `// craft:jobs`"),
        ] {
            let failure = add(text, "A").expect_err(text).to_string();
            assert!(failure.contains(why), "{text}: {failure}");
        }
        assert!(add("", "A").unwrap_err().to_string().contains("mod a;\npub use a::A;\n"));
    }

    #[test]
    fn a_queue_is_called_as_the_derive_has_it() {
        assert!(check_queue("mail.eu-1:a/b_c").is_ok());
        for queue in ["", "a b", "a\"b", &"q".repeat(129)] {
            assert!(check_queue(queue).is_err(), "{queue}");
        }
    }
}
