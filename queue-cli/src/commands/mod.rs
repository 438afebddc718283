//! The commands: one file each, and this list of them.

mod cancel;
mod check;
mod clear;
mod completions;
mod doctor;
mod explain;
mod failed;
mod forget;
mod job;
mod jobs;
mod list;
mod migrate;
mod migrate_sql;
mod monitor;
mod pause;
mod prune;
mod push;
mod quiet;
mod replay;
mod restart;
mod resume;
mod retry;
mod show;
mod stats;
mod work;
mod workers;

use std::pin::Pin;

use clap::{ArgMatches, Args, Command};

pub(crate) use replay::word;

use crate::cli::of_environment;
use crate::failure::Failure;
use crate::session::Session;

/// What a command comes to: the code that the process ends with.
pub(crate) type Ended = Result<u8, Failure>;

/// A command: its arguments, and what it does.
pub(crate) trait Run: Args + 'static {
    const SPEC: Spec;

    async fn run(self, session: Session) -> Ended;
}

/// What help says of a command.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spec {
    /// `queue` of `queue:work`; empty where there is none.
    pub(crate) noun: &'static str,
    /// `work` of `queue:work`.
    pub(crate) verb: &'static str,
    pub(crate) group: Group,
    /// One line.
    pub(crate) about: &'static str,
    /// What is to be known besides.
    pub(crate) more: &'static str,
    /// What one writes, and what that does.
    pub(crate) examples: [(&'static str, &'static str); 3],
    /// Whether it needs the user's code.
    pub(crate) needs_jobs: bool,
}

impl Spec {
    /// `queue:work`.
    pub(crate) fn name(&self) -> String {
        if self.noun.is_empty() { self.verb.to_owned() } else { format!("{}:{}", self.noun, self.verb) }
    }
}

/// Where a command stands in the overview.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Group {
    Work,
    Inspect,
    Act,
    Admin,
}

impl Group {
    pub(crate) const ALL: [Self; 4] = [Self::Work, Self::Inspect, Self::Act, Self::Admin];

    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Work => "Work",
            Self::Inspect => "Inspect",
            Self::Act => "Act",
            Self::Admin => "Look after the store and the program",
        }
    }
}

/// How wide a terminal is at least, in characters.
const NARROW: usize = 80;

/// A command that runs.
type Running = Pin<Box<dyn Future<Output = Ended>>>;

/// A command, its type forgotten.
pub(crate) struct Entry {
    pub(crate) spec: Spec,
    augment: fn(Command) -> Command,
    pub(crate) run: fn(&ArgMatches, Session) -> Running,
}

impl Entry {
    fn of<R: Run>() -> Self {
        let run = |matches: &ArgMatches, session: Session| -> Running {
            match R::from_arg_matches(matches) {
                Ok(command) => Box::pin(command.run(session)),
                Err(error) => Box::pin(async move { Err(Failure::usage(error.to_string())) }),
            }
        };
        Self { spec: R::SPEC, augment: R::augment_args, run }
    }

    /// The command as clap has it, under this name.
    pub(crate) fn command(&self, name: String) -> Command {
        let width = self.spec.examples.iter().map(|(line, _)| line.len()).max().unwrap_or_default();
        let beside = self.spec.examples.map(|(line, does)| format!("  craft {line:width$}  # {does}"));
        // What would not fit on a narrow terminal stands below.
        let examples = match beside.iter().all(|line| line.len() <= NARROW) {
            true => beside,
            false => self.spec.examples.map(|(line, does)| format!("  craft {line}\n    # {does}")),
        };
        let more = if self.spec.more.is_empty() { String::new() } else { format!("{}\n\n", self.spec.more) };
        (self.augment)(Command::new(name))
            .mut_args(of_environment)
            .about(self.spec.about)
            .after_help(format!("{more}Examples:\n{}", examples.join("\n")))
    }
}

/// Every command, in the order of the overview.
pub(crate) fn list() -> Vec<Entry> {
    vec![
        Entry::of::<work::Work>(),
        Entry::of::<push::Push>(),
        Entry::of::<replay::Replay>(),
        Entry::of::<list::List>(),
        Entry::of::<show::Show>(),
        Entry::of::<jobs::Jobs>(),
        Entry::of::<job::Job>(),
        Entry::of::<failed::Failed>(),
        Entry::of::<explain::Explain>(),
        Entry::of::<workers::Workers>(),
        Entry::of::<monitor::Monitor>(),
        Entry::of::<stats::Stats>(),
        Entry::of::<retry::Retry>(),
        Entry::of::<cancel::Cancel>(),
        Entry::of::<forget::Forget>(),
        Entry::of::<clear::Clear>(),
        Entry::of::<pause::Pause>(),
        Entry::of::<resume::Resume>(),
        Entry::of::<quiet::Quiet>(),
        Entry::of::<restart::Restart>(),
        Entry::of::<prune::Prune>(),
        Entry::of::<migrate::Migrate>(),
        Entry::of::<migrate_sql::MigrateSql>(),
        Entry::of::<check::Check>(),
        Entry::of::<doctor::Doctor>(),
        Entry::of::<completions::Completions>(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit;

    #[test]
    fn the_page_of_the_command_line_names_every_command_and_code() {
        let page = include_str!("../../../docs/cli.md");
        for entry in list() {
            assert!(page.contains(&format!("`{}", entry.spec.name())), "{}", entry.spec.name());
        }
        for code in [exit::NOT_REACHABLE, exit::CONFIGURATION, exit::GAVE_BACK, exit::INTERRUPTED, exit::TERMINATED] {
            assert!(page.contains(&code.to_string()), "{code}");
        }
    }
}
