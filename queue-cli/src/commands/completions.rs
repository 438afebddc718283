//! `completions`.

use clap::Args;

use super::{Ended, Group, Run, Spec};
use crate::cli::Cli;
use crate::exit;
use crate::session::Session;

/// Prints what a shell needs to complete commands.
#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// The shell
    shell: clap_complete::Shell,
    /// What the program is called
    #[arg(long, default_value = "craft")]
    program: String,
}

impl Run for Completions {
    const SPEC: Spec = Spec {
        noun: "",
        verb: "completions",
        group: Group::Admin,
        about: "Print what a shell needs to complete commands",
        more: "Bash splits words at a colon: there `queue w<Tab>` completes, and `queue:w<Tab>` need not.",
        examples: [
            ("completions bash > /etc/bash_completion.d/craft", "for Bash"),
            ("completions zsh > ~/.zfunc/_craft", "for Zsh"),
            ("completions fish > ~/.config/fish/completions/craft.fish", "for Fish"),
        ],
        needs_jobs: false,
    };

    async fn run(self, mut session: Session) -> Ended {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::administration().command(), self.program, &mut script);
        session.output.raw(&String::from_utf8_lossy(&script))?;
        Ok(exit::DONE)
    }
}
