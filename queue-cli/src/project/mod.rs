//! The half of `craft` that works on a package: it writes into it, and hands commands to its binary.
//!
//! `init` and `job` make a `plan` of edits, which `apply` writes; `package` asks cargo what is there, `source`, `cargo_toml` and
//! `cargo_config` edit a file each, `text` keeps its line endings; `forward` runs the package's own binary.

mod apply;
mod cargo_config;
mod cargo_toml;
mod checkout;
mod failure;
mod fields;
mod forward;
mod init;
mod job;
mod name;
mod package;
mod plan;
mod rustfmt;
mod source;
mod template;
mod text;

use std::env;
use std::ffi::OsString;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use anstyle::{AnsiColor, Style};
use clap::{CommandFactory as _, Parser, Subcommand};

use self::failure::{Failure, Result};
use self::forward::Forward;
use self::init::Init;
use self::job::NewJob;
use self::package::Workspace;

/// Background jobs for Rust programs
#[derive(Debug, Parser)]
#[command(
    name = "craft",
    version,
    disable_help_subcommand = true,
    after_help = others()
)]
struct Craft {
    /// Build the package's binary with optimizations
    #[arg(long)]
    release: bool,
    /// Build it with these features
    #[arg(long, value_name = "FEATURES")]
    features: Option<String>,
    /// The package, in a workspace
    #[arg(short, long, value_name = "NAME", global = true)]
    package: Option<String>,
    /// Where the jobs are kept: `sqlite:jobs.db`, `postgres://..` [env: QUEUE_URL]
    #[arg(long, value_name = "URL")]
    url: Option<OsString>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Init(Init),
    Job(NewJob),
    #[command(external_subcommand)]
    Other(Vec<OsString>),
}

/// What else there is.
fn others() -> String {
    let overview = crate::cli::overview();
    format!(
        "Every other command goes to the package's own binary, which `craft init` writes, or needs only the store that --url or QUEUE_URL names:\n{overview}"
    )
}

/// All of the binary `craft`; no part of the library's promise.
pub fn craft() -> ExitCode {
    let craft = Craft::parse();
    match run(&craft) {
        Ok(code) => code,
        Err(failure) => {
            let style = Style::new().fg_color(Some(AnsiColor::Red.into())).bold();
            // Where nobody hears it the exit code says it.
            drop(writeln!(anstream::stderr(), "{style}error{style:#}: {failure}"));
            ExitCode::FAILURE
        }
    }
}

fn run(craft: &Craft) -> Result<ExitCode> {
    let current = env::current_dir().map_err(|error| Failure::new(format!("cannot tell the current folder: {error}")))?;
    let package = craft.package.as_deref();
    match &craft.command {
        Command::Init(init) => say(&init::run(init, package, &current)?),
        Command::Job(new) => say(&job::run(new, package, &current)?),
        Command::Other(words) if words.first().is_some_and(|word| word == "help") => help(words),
        Command::Other(words) => other(craft, words, &current),
    }
}

fn say(text: &str) -> Result<ExitCode> {
    match anstream::stdout().write_all(text.as_bytes()) {
        // Who has heard enough may go.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Failure::new(format!("cannot write the answer: {error}"))),
        _ => Ok(ExitCode::SUCCESS),
    }
}

/// Help on what stands here; that on other commands is the library's.
fn help(words: &[OsString]) -> Result<ExitCode> {
    let mut craft = Craft::command();
    craft.build();
    match words.get(1).and_then(|word| word.to_str()) {
        None => say(&craft.render_help().ansi().to_string()),
        Some(name) => match craft.find_subcommand_mut(name) {
            Some(command) => say(&command.render_help().ansi().to_string()),
            None => Ok(answer(words)),
        },
    }
}

/// Answers here what needs no code of the user, and lets the package's binary answer the rest.
fn other(craft: &Craft, words: &[OsString], current: &Path) -> Result<ExitCode> {
    let url = craft.url.iter().flat_map(|url| [OsString::from("--url"), url.clone()]);
    let args: Vec<OsString> = url.chain(words.iter().cloned()).collect();
    let variable = env::var_os("QUEUE_URL");
    let has_url = forward::has_url(&args, variable.as_deref());
    let is_administration = forward::command(words).is_some_and(|command| crate::Cli::is_administration(&command));
    let is_unknown = forward::command(words).is_some_and(|command| !crate::Cli::knows(&command));
    // What is no command needs no build to be told so.
    if is_unknown || is_administration && has_url {
        return Ok(answer(&args));
    }
    match Workspace::around(current)? {
        Some(workspace) => {
            let Craft { release, features, package, .. } = craft;
            let forward =
                Forward { release: *release, features: features.as_deref(), package: package.as_deref(), has_url, args: &args };
            forward::run(&forward, &workspace, current)
        }
        None if is_administration => Ok(answer(&args)),
        None => {
            let command = words.first().map(|word| word.to_string_lossy()).unwrap_or_default();
            Err(Failure::new(format!(
                "no Cargo.toml in this folder or above: `{}` needs the code of a package's jobs",
                command.escape_debug()
            )))
        }
    }
}

fn answer(args: &[OsString]) -> ExitCode {
    crate::Cli::administration().run_with([OsString::from("craft")].into_iter().chain(args.iter().cloned()))
}
