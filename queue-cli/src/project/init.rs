//! `craft init`: makes a package one with jobs.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use super::apply::apply;
use super::cargo_toml::Wanted;
use super::checkout::{Checkout, Folders};
use super::failure::{Failure, Result};
use super::name::{is_device, is_keyword};
use super::package::{Package, Target, Workspace};
use super::plan::{Plan, read, shown};
use super::rustfmt::formatted;
use super::source::{Module, Source};
use super::text::with_line;
use super::{cargo_config, cargo_toml, template};

/// Adds to the package here what its jobs need; what is there already is kept.
#[derive(Debug, Args)]
pub(super) struct Init {
    /// Take `queue` from this checkout: its root, or its folder `queue`
    #[arg(long, value_name = "DIR")]
    path: Option<PathBuf>,
    /// Where jobs are kept [default: what the package has already, else sqlite]
    #[arg(long, value_enum)]
    driver: Option<Driver>,
    /// The name of the binary that runs the jobs [default: craft]
    #[arg(long, value_name = "NAME")]
    bin: Option<String>,
    /// Show what would change, and write nothing
    #[arg(long)]
    dry_run: bool,
}

/// Where jobs are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Driver {
    /// In a file of this machine
    Sqlite,
    /// In a Postgres database
    Postgres,
    /// In the memory of the program
    Memory,
}

impl Driver {
    fn feature(self) -> Option<&'static str> {
        match self {
            Self::Sqlite => Some("sqlite"),
            Self::Postgres => Some("postgres"),
            Self::Memory => None,
        }
    }

    /// What a package with jobs has chosen before.
    fn of(package: &Package) -> Option<Self> {
        package.features("queue-cli")?;
        let features = package.features("queue")?;
        let has = |driver: &Self| driver.feature().is_none_or(|feature| features.iter().any(|name| name == feature));
        [Self::Sqlite, Self::Postgres, Self::Memory].into_iter().find(has)
    }
}

/// The module of the jobs, as the package has it or gets it.
pub(super) struct JobsFile {
    /// The root of the library.
    pub(super) library: PathBuf,
    /// `src/jobs/mod.rs`, or `src/jobs.rs` where that is there.
    pub(super) path: PathBuf,
}

impl JobsFile {
    pub(super) fn of(package: &Package) -> Self {
        let library = package.library().map_or(package.root().join("src/lib.rs"), |library| library.src_path.clone());
        let source = library.parent().unwrap_or(package.root());
        let (folder, flat) = (source.join("jobs/mod.rs"), source.join("jobs.rs"));
        let path = if flat.is_file() && !folder.is_file() { flat } else { folder };
        Self { library, path }
    }
}

/// Runs the command, and returns what it has to say.
///
/// # Errors
///
/// Where the package is not one that this can be added to; then nothing was written.
pub(super) fn run(init: &Init, package: Option<&str>, current: &Path) -> Result<String> {
    let workspace = Workspace::around(current)?;
    let Some(workspace) = workspace else {
        return Err(Failure::new("no Cargo.toml in this folder or above: make a package first, by `cargo init`"));
    };
    let package = workspace.package(package)?;
    let binary = init.bin.as_deref().or(package.named_binary()).unwrap_or("craft");
    if init.path.is_none() && package.features("queue").is_none() {
        // The registry has another crate of this name.
        return Err(Failure::new("`queue` is not published yet: name your copy of its repository by --path DIR"));
    }
    let driver = init.driver.or_else(|| Driver::of(package)).unwrap_or(Driver::Sqlite);
    let plan = plan(&Choice { driver, binary, path: init.path.as_deref() }, package, current)?;
    plan.check()?;
    if init.dry_run {
        return Ok(if plan.writes().next().is_none() { "nothing would change\n".to_owned() } else { plan.diff() });
    }
    apply(&plan)?;
    let mut said = plan.summary();
    if plan.writes().next().is_none() {
        said.push_str("nothing changed: the package has all that jobs need\n");
    }
    said.push_str(&advice(driver, package, binary));
    Ok(said)
}

/// What was asked for, or follows from what is there.
struct Choice<'a> {
    driver: Driver,
    binary: &'a str,
    path: Option<&'a Path>,
}

fn plan(choice: &Choice<'_>, package: &Package, current: &Path) -> Result<Plan> {
    let &Choice { driver, binary, path } = choice;
    let crate_name = crate_name(package)?;
    check_binary(package, binary)?;
    let checkout = path.map(|path| Checkout::find(path, Folders { current, package: package.root() })).transpose()?;
    let mut programs = package.binaries().filter(|target| target.name != binary);
    let default_run = match (programs.next(), programs.next()) {
        (Some(only), None) => Some(only.name.as_str()),
        _ => None,
    };
    let wanted = Wanted { feature: driver.feature(), checkout: checkout.as_ref(), binary, default_run };
    let root = package.root();
    let mut plan = Plan::default();
    plan.edit(package.manifest().to_owned(), |text| cargo_toml::edit(text.unwrap_or_default(), wanted))?;
    let jobs = JobsFile::of(package);
    plan.edit(jobs.library.clone(), |text| library(text, package, &shown(&jobs.library)))?;
    plan.edit(jobs.path.clone(), |text| match text {
        None => Ok(formatted(template::jobs(), package)),
        Some(text) => module(text, &shown(&jobs.path)),
    })?;
    plan.edit(root.join("src/bin").join(format!("{binary}.rs")), |text| {
        Ok(text.map_or_else(|| formatted(template::binary(&crate_name), package), str::to_owned))
    })?;
    // The older name goes before the newer one in cargo too.
    let older = root.join(".cargo/config");
    let config = if older.is_file() { older } else { root.join(".cargo/config.toml") };
    let url = (driver == Driver::Sqlite).then_some("sqlite:jobs.db");
    plan.edit(config, |text| cargo_config::edit(text.unwrap_or_default(), binary, url))?;
    let ignore = root.join(".gitignore");
    if driver == Driver::Sqlite && ignore.is_file() {
        plan.edit(ignore, |text| Ok(ignoring(text.unwrap_or_default())))?;
    }
    Ok(plan)
}

/// What code calls the library of the package.
fn crate_name(package: &Package) -> Result<String> {
    let name = &package.name;
    if package.edition == "2015" {
        return Err(Failure::new(format!(
            "the package `{name}` has edition 2015, which has no async: set `edition = \"2024\"` in Cargo.toml"
        )));
    }
    if let Some(library) = package.library().filter(|library| !library.is_linkable()) {
        let library = &library.name;
        let why = format!(
            "the library `{library}` cannot be linked by a binary: give its [lib] `crate-type = [\"lib\", ..]`, or put the jobs into a package of their own"
        );
        return Err(Failure::new(why));
    }
    let crate_name = package.library().map_or_else(|| name.replace('-', "_"), Target::crate_name);
    if is_keyword(&crate_name) || ["queue", "queue_cli", "std", "core", "alloc"].contains(&crate_name.as_str()) {
        let why = format!(
            "the library of `{name}` is called `{crate_name}`, which the code of jobs cannot name: set another `name` in [lib] of Cargo.toml"
        );
        return Err(Failure::new(why));
    }
    if ["queue", "queue-cli"].contains(&name.as_str()) {
        return Err(Failure::new(format!("a package called `{name}` cannot depend on `{name}`: rename it in Cargo.toml")));
    }
    Ok(crate_name)
}

/// Whether the package can have that binary at `src/bin/NAME.rs`.
fn check_binary(package: &Package, binary: &str) -> Result<()> {
    let refuse = |why: String| Err(Failure::new(format!("--bin {}: {why}", binary.escape_debug())));
    let letters = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
    if !(binary.starts_with(|first: char| first.is_ascii_alphabetic()) && letters(binary)) || binary.len() > 64 {
        return refuse("a binary is called by a letter, then letters, digits, `_` and `-`, 64 at most".to_owned());
    }
    if is_keyword(binary) || is_device(binary) || ["build", "deps", "examples", "incremental", "main"].contains(&binary) {
        return refuse("cargo or the system has another use for that name".to_owned());
    }
    let path = package.root().join("src/bin").join(format!("{binary}.rs"));
    if let Some(other) = package.binaries().find(|target| target.name == binary && target.src_path != path) {
        return refuse(format!("that binary is {} already: choose another name by --bin", shown(&other.src_path)));
    }
    match read(&path)? {
        Some(text) if !text.plain().contains("queue_cli::run") => {
            refuse(format!("{} is there and does not call queue_cli::run: choose another name by --bin", shown(&path)))
        }
        _ => Ok(()),
    }
}

fn library(text: Option<&str>, package: &Package, path: &str) -> Result<String> {
    let Some(text) = text else { return Ok(template::library(&package.name)) };
    let source = Source::parse(text, path)?;
    match source.module("jobs") {
        Module::Absent => Ok(source.with_module("jobs")),
        Module::Public => Ok(text.to_owned()),
        Module::Private => {
            Err(Failure::new(format!("{path} has `mod jobs;`, which the binary cannot see: make it `pub mod jobs;`")))
        }
        Module::Elsewhere => Err(Failure::new(format!(
            "{path} has a module `jobs` with a body or a path of its own: move it to the folder jobs, or rename it"
        ))),
    }
}

/// A module of jobs that is there already.
fn module(text: &str, path: &str) -> Result<String> {
    if Source::parse(text, path)?.has_public_function("container") {
        return Ok(text.to_owned());
    }
    let add = template::jobs();
    let add = add.split_once("\n\n").map_or(add.as_str(), |(_, add)| add);
    Err(Failure::new(format!("{path} is there and has no `pub fn container()`: nothing was written. Add this to it:\n\n{add}")))
}

fn ignoring(text: &str) -> String {
    let is_there = text.lines().any(|line| ["jobs.db*", "/jobs.db*"].contains(&line.trim()));
    if is_there { text.to_owned() } else { with_line(text, "jobs.db*") }
}

/// What to do next.
fn advice(driver: Driver, package: &Package, binary: &str) -> String {
    let mut said = String::from("\nnext:\n");
    let mut step = |command: &str, why: &str| said.push_str(&format!("  {command:<32} {why}\n"));
    match driver {
        Driver::Sqlite => {}
        Driver::Postgres => step("export QUEUE_URL=postgres://..", "the database that keeps the jobs"),
        Driver::Memory => step("export QUEUE_URL=memory:", "jobs live as long as the process that pushed them"),
    }
    step("craft job SendWelcomeEmail", "writes a job");
    step("cargo craft queue:work", "runs the jobs that are pushed");
    if package.library().is_none() && package.binaries().any(|target| target.name != binary) {
        let name = package.name.replace('-', "_");
        said.push_str(&format!(
            "\njobs live in the library, src/lib.rs: the program calls them `{name}::jobs::..`, and what they use moves there\n"
        ));
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_git_ignores_is_added_once() {
        let once = ignoring("/target");
        assert_eq!(once, "/target\njobs.db*\n");
        assert_eq!(ignoring(&once), once);
        assert_eq!(ignoring("/jobs.db*\n"), "/jobs.db*\n");
    }

    #[test]
    fn a_module_that_is_there_is_kept_or_told_what_it_lacks() {
        let own = "pub fn container() -> queue::Container { mine() }\n";
        assert_eq!(module(own, "jobs.rs").unwrap(), own);
        let failure = module("fn other() {}\n", "jobs.rs").unwrap_err().to_string();
        assert!(failure.contains("pub fn container()") && failure.contains(template::MARKER), "{failure}");
    }
}
