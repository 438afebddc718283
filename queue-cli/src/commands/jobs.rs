//! `queue:jobs`.

use clap::Args;

use super::{Ended, Group, Run, Spec};
use crate::exit;
use crate::failure::Failure;
use crate::records::JobRecord;
use crate::session::Session;
use crate::target::filter;
use queue::job::Filter;
use queue::{JobId, Queue};

/// Lists jobs.
#[derive(Debug, Args)]
pub(crate) struct Jobs {
    /// Which ones, as `state:failed kind:SendWelcomeEmail -queue:mail since:1h`; all where nothing is said
    #[arg(value_name = "FILTER")]
    filter: Vec<String>,
    #[command(flatten)]
    page: Page,
}

/// How much of a list.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct Page {
    /// How many
    #[arg(long, short = 'n', default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    limit: u32,
    /// Only those behind this one, in the order of the list
    #[arg(long, value_name = "ID")]
    after: Option<JobId>,
    /// The oldest first, instead of the newest
    #[arg(long)]
    oldest_first: bool,
    /// Look through the whole store, however long that takes, instead of the first 100,000 jobs
    #[arg(long)]
    thorough: bool,
}

impl Run for Jobs {
    const SPEC: Spec = Spec {
        noun: "queue",
        verb: "jobs",
        group: Group::Inspect,
        about: "List jobs by a filter",
        more: "Tokens of a filter: state: kind: queue: tag: id: error: args.PATH: since: until:. Commas mean \"any of\", and a leading - \"not\".",
        examples: [
            ("queue:jobs", "the newest 20"),
            ("queue:jobs state:retryable,failed queue:mail since:1h", "of the last hour, in trouble"),
            ("queue:jobs kind:SendInvoice args.customer.id:42 -n 5", "by what is in their arguments"),
        ],
        needs_jobs: false,
    };

    async fn run(self, mut session: Session) -> Ended {
        let filter = filter(&self.filter)?;
        let queue = session.look().await?;
        print(&mut session, &queue, filter, self.page).await
    }
}

/// How many looks a list takes that is not thorough.
const LOOKS: usize = 10;

/// Prints a list of jobs.
pub(super) async fn print(session: &mut Session, queue: &Queue, mut filter: Filter, page: Page) -> Ended {
    filter.newest_first = !page.oldest_first;
    filter.after = page.after;
    let limit = page.limit as usize;
    let mut jobs: Vec<JobRecord> = Vec::new();
    let (mut next, mut looks) = (None, 0);
    while jobs.len() < limit {
        filter.limit = Some(limit - jobs.len());
        let found = queue.search(&filter).await?;
        jobs.extend(found.jobs.into_iter().map(JobRecord::from));
        (next, looks) = (found.next, looks + 1);
        match next {
            Some(next) if page.thorough || looks < LOOKS => filter.after = Some(next),
            _ => break,
        }
    }
    session.output.records(&jobs)?;
    if let Some(next) = next.filter(|_| session.output.is_for_people()) {
        let said = match jobs.len() < limit {
            true => format!(
                "looked at {} jobs and there are more: `--after {next}` goes on, `--thorough` looks at all",
                LOOKS * Filter::LOOK
            ),
            false => format!("there may be more: `--after {next}` goes on"),
        };
        session.output.say(said);
    }
    if jobs.is_empty() && session.output.is_for_people() {
        session.output.say("no job fits");
    }
    Ok(exit::DONE)
}

impl From<queue::job::id::ParseJobIdError> for Failure {
    fn from(error: queue::job::id::ParseJobIdError) -> Self {
        Self::usage(error.to_string())
    }
}
