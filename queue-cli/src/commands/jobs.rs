//! `queue:jobs`.

use clap::Args;

use super::{Ended, Group, Run, Spec};
use crate::exit;
use crate::pages::Pages;
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

/// Prints a list of jobs.
pub(super) async fn print(session: &mut Session, queue: &Queue, mut filter: Filter, page: Page) -> Ended {
    filter.newest_first = !page.oldest_first;
    filter.after = page.after;
    let limit = page.limit as usize;
    let mut pages = Pages::of(queue, filter);
    let mut jobs: Vec<JobRecord> = Vec::new();
    while jobs.len() < limit && (page.thorough || !pages.is_long()) {
        let Some(found) = pages.next(limit - jobs.len()).await? else { break };
        jobs.extend(found.into_iter().map(JobRecord));
    }
    session.output.records(&jobs)?;
    if !session.output.is_for_people() {
        return Ok(exit::DONE);
    }
    match pages.behind() {
        Some(next) if jobs.len() < limit => {
            session
                .output
                .say(format!("{} and there are more: `--after {next}` goes on, `--thorough` looks at all", Pages::how_long()));
        }
        Some(next) => session.output.say(format!("there may be more: `--after {next}` goes on")),
        None if jobs.is_empty() => session.output.say("no job fits"),
        None => {}
    }
    Ok(exit::DONE)
}
