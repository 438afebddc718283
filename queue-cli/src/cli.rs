//! From the arguments of a process to a command, and to the code that the process ends with.

use std::ffi::OsString;
use std::fmt;
use std::io::Write as _;
use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::parser::ValueSource;
use clap::{ArgMatches, Args, Command, FromArgMatches as _};
use queue::Queue;

use crate::arguments::Globals;
use crate::commands::{self, Entry, Group};
use crate::failure::Failure;
use crate::output::plain;
use crate::session::{MakeContainer, Session};
use crate::{Services, dashes, exit};

/// What the tool is.
const ABOUT: &str = "Makes jobs, runs them and looks after them";

/// A command line, to be run.
///
/// ```no_run
/// use queue::{Container, Queue};
/// use queue_cli::Cli;
///
/// fn main() -> std::process::ExitCode {
///     // A store in memory has no outside: push, look and work on one handle, in one process.
///     let queue = Queue::connect("memory:").wait().expect("memory is always there").install();
///     Cli::new(|| Container::builder().build()).queue(queue).run()
/// }
/// ```
pub struct Cli {
    name: String,
    services: Option<MakeContainer>,
    queue: Option<Queue>,
}

impl Cli {
    /// The command line of a program with jobs, whose services the function makes when they are needed.
    #[must_use]
    pub fn new<S: Services>(services: impl FnOnce() -> S + 'static) -> Self {
        let make = move || services().container();
        Self { services: Some(Box::new(make)), ..Self::administration() }
    }

    /// The commands that need no job: it looks after any store that a URL names.
    #[must_use]
    pub fn administration() -> Self {
        Self { name: "craft".to_owned(), services: None, queue: None }
    }

    /// What the program is called in its help; `craft` where nothing is said.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Works on this queue, whatever `QUEUE_URL` says.
    #[must_use]
    pub fn queue(mut self, queue: Queue) -> Self {
        self.queue = Some(queue);
        self
    }

    /// Runs the command that the arguments of the process name. It can be called anywhere: inside of a runtime it holds up the thread.
    ///
    /// The process should end with the code that it answers, since after [`queue:work`](crate) signals are no longer what they were.
    pub fn run(self) -> ExitCode {
        self.run_with(std::env::args_os())
    }

    /// Runs the command that these arguments name; the first one is the program.
    pub fn run_with<A: Into<OsString> + Clone>(self, arguments: impl IntoIterator<Item = A>) -> ExitCode {
        ExitCode::from(self.code(arguments.into_iter().map(Into::into).collect()))
    }

    /// Whether the first argument names a command of this command line: for a program with commands of its own.
    ///
    /// ```
    /// assert!(queue_cli::Cli::knows("queue:work") && queue_cli::Cli::knows("queue"));
    /// assert!(!queue_cli::Cli::knows("serve-my-site"));
    /// ```
    #[must_use]
    pub fn knows(argument: &str) -> bool {
        commands::list().iter().any(|entry| entry.spec.name() == argument || entry.spec.noun == argument)
    }

    /// Whether a command needs no code of the user's, only a store: a tool without jobs can do it.
    ///
    /// ```
    /// assert!(queue_cli::Cli::is_administration("queue:failed"));
    /// assert!(!queue_cli::Cli::is_administration("queue:work"));
    /// ```
    #[must_use]
    pub fn is_administration(command: &str) -> bool {
        commands::list().iter().any(|entry| entry.spec.name() == command && !entry.spec.needs_jobs)
    }

    fn code(self, arguments: Vec<OsString>) -> u8 {
        let command = self.command();
        let line = arguments.clone();
        let matches = match command.try_get_matches_from(dashes::behind(arguments)) {
            Ok(matches) => matches,
            Err(error) => return said(&error, &line),
        };
        let globals = match Globals::from_arg_matches(&matches) {
            Ok(globals) => globals,
            Err(error) => return said(&error, &line),
        };
        let sources = sources(&matches);
        let Some((entry, matches)) = chosen(&matches) else { return exit::USAGE };
        let is_missing_jobs = entry.spec.needs_jobs && self.services.is_none();
        let mut session = Session::new(globals, self.services, self.queue);
        session.sources = sources;
        let ended = match is_missing_jobs {
            true => Err(without_jobs(&entry)),
            false => on_runtime(|| (entry.run)(&matches, session)),
        };
        match ended {
            Ok(code) => code,
            Err(failure) => {
                let text = failure.to_string();
                if !text.is_empty() {
                    let _ = writeln!(anstream::stderr(), "error: {text}");
                }
                failure.code
            }
        }
    }

    /// All commands, in both spellings.
    pub(crate) fn command(&self) -> Command {
        let mut root = Command::new(self.name.clone())
            .version(env!("CARGO_PKG_VERSION"))
            .subcommand_required(true)
            .arg_required_else_help(true)
            .help_template("{about}\n\n{usage-heading} {usage}{after-help}\n\nOptions:\n{options}");
        root = Globals::augment_args(root).mut_args(of_environment).about(ABOUT).after_help(overview());
        let entries = commands::list();
        for entry in &entries {
            root = root.subcommand(entry.command(entry.spec.name()));
        }
        // The other spelling, `queue work`, which completion in a shell that splits at colons needs.
        let mut nouns: Vec<&str> = entries.iter().map(|entry| entry.spec.noun).filter(|noun| !noun.is_empty()).collect();
        nouns.dedup();
        for noun in nouns {
            let verbs: Vec<Command> = entries
                .iter()
                .filter(|entry| entry.spec.noun == noun)
                .map(|entry| entry.command(entry.spec.verb.to_owned()))
                .collect();
            root = match root.find_subcommand(noun) {
                // A command of its own, as `migrate`.
                Some(_) => {
                    root.mut_subcommand(noun, |command| command.subcommands(verbs.into_iter().map(|verb| verb.hide(true))))
                }
                None => root.subcommand(
                    Command::new(noun.to_owned())
                        .hide(true)
                        .about("The same in two words")
                        .subcommand_required(true)
                        .subcommands(verbs),
                ),
            };
        }
        root
    }
}

/// The command that was chosen, in whichever spelling.
fn chosen(matches: &ArgMatches) -> Option<(Entry, ArgMatches)> {
    let (name, inner) = matches.subcommand()?;
    let (name, inner) = match inner.subcommand() {
        Some((verb, innermost)) => (format!("{name}:{verb}"), innermost),
        None => (name.to_owned(), inner),
    };
    let entry = commands::list().into_iter().find(|entry| entry.spec.name() == name)?;
    Some((entry, inner.clone()))
}

/// Where the settings of every command are from. The URL itself may hold a password.
fn sources(matches: &ArgMatches) -> Vec<String> {
    const SETTINGS: [(&str, &str, &str); 5] = [
        ("url", "--url", "QUEUE_URL"),
        ("output", "--output", "QUEUE_OUTPUT"),
        ("color", "--color", "CARGO_TERM_COLOR"),
        ("wait", "--wait", "QUEUE_WAIT"),
        ("environment", "--env", "QUEUE_ENV"),
    ];
    let source = |(id, flag, variable): (&str, &str, &str)| match matches.value_source(id) {
        Some(ValueSource::CommandLine) => Some(format!("{flag} is from the command line")),
        Some(ValueSource::EnvVariable) => Some(format!("{flag} is from the variable {variable}")),
        Some(_) => Some(format!("{flag} is the default")),
        None => None,
    };
    SETTINGS.into_iter().filter_map(source).collect()
}

fn without_jobs(entry: &Entry) -> Failure {
    let name = entry.spec.name();
    Failure::new(exit::FAILED, format!("`{name}` needs the jobs of a program, and this tool has none"))
        .hint("run it in the folder of your package, where `craft init` was run, or with the binary that was built there")
}

/// Lets clap say what is wrong, or what help was asked.
fn said(error: &clap::Error, line: &[OsString]) -> u8 {
    if let Some(word) = unknown(error) {
        let names: Vec<String> = commands::list().iter().map(|entry| entry.spec.name()).collect();
        let whole = || names.iter().map(String::as_str);
        // The noun may have been left out, or stand before.
        let verb = |name: &&str| name.split_once(':').map_or(0, |(noun, _)| noun.len() + 1);
        let by_verb = || {
            let near = queue::nearest::nearest(&word, whole().map(|name| &name[verb(&name)..]))?;
            whole().find(|name| name[verb(name)..] == *near)
        };
        let near = queue::nearest::nearest(&word, whole()).or_else(by_verb);
        let hint = near.map_or_else(|| "`craft help` lists the commands".to_owned(), |near| format!("did you mean `{near}`?"));
        let failure = Failure::usage(format!("there is no command `{}`", plain(&word))).hint(hint);
        let _ = writeln!(anstream::stderr(), "error: {failure}");
        return failure.code;
    }
    // Where nobody reads any more, there is nothing to say.
    let _ = error.print();
    match is_of_variable(error, line) {
        true => exit::CONFIGURATION,
        false => u8::try_from(error.exit_code()).unwrap_or(exit::USAGE),
    }
}

/// Whether the value that cannot be meant is that of a variable: it is not on the command line.
fn is_of_variable(error: &clap::Error, line: &[OsString]) -> bool {
    let Some(ContextValue::String(argument)) = error.get(ContextKind::InvalidArg) else { return false };
    let is_value = matches!(error.kind(), ErrorKind::InvalidValue | ErrorKind::ValueValidation);
    // `--queue <NAME>`, and perhaps a short form before it.
    let long = argument.split([' ', ',']).find(|word| word.starts_with("--"));
    let is_there = |word: &OsString| {
        let word = word.to_string_lossy();
        long.is_some_and(|long| word.starts_with(long)) || (word.starts_with('-') && !word.starts_with("--"))
    };
    is_value && long.is_some() && !line.iter().any(is_there)
}

/// What stands in a variable may be a secret, and nothing in it is nothing said.
pub(crate) fn of_environment(argument: clap::Arg) -> clap::Arg {
    let is_empty = argument.get_env().is_some_and(|name| std::env::var_os(name).is_some_and(|value| value.is_empty()));
    let argument = argument.hide_env_values(true);
    if is_empty { argument.env(clap::builder::Resettable::Reset) } else { argument }
}

/// The command that was asked for and is none.
fn unknown(error: &clap::Error) -> Option<String> {
    match (error.kind(), error.get(ContextKind::InvalidSubcommand)) {
        (ErrorKind::InvalidSubcommand, Some(ContextValue::String(word))) => Some(word.clone()),
        _ => None,
    }
}

fn on_runtime<F: Future<Output = Result<u8, Failure>>>(run: impl FnOnce() -> F) -> Result<u8, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(exit::FAILED, format!("cannot start: {error}")))?;
    runtime.block_on(run())
}

/// The commands by group, a line each.
pub(crate) fn overview() -> String {
    let entries = commands::list();
    let width = entries.iter().map(|entry| entry.spec.name().len()).max().unwrap_or_default();
    let mut text = String::new();
    for group in Group::ALL {
        let gap = if text.is_empty() { "" } else { "\n" };
        text.push_str(&format!("{gap}{}:\n", group.title()));
        for entry in entries.iter().filter(|entry| entry.spec.group == group) {
            text.push_str(&format!("  {:width$}  {}\n", entry.spec.name(), entry.spec.about));
        }
    }
    text.push_str(
        "\nBoth spellings work: `queue:work` and `queue work`. `help COMMAND` shows the options and examples of a command.",
    );
    text
}

impl fmt::Debug for Cli {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cli").field("name", &self.name).finish_non_exhaustive()
    }
}
