//! `migrate:sql`.

use clap::Args;

use super::{Ended, Group, Run, Spec};
use crate::exit;
use crate::failure::Failure;
use crate::session::Session;

/// Prints the statements of the schema.
#[derive(Debug, Args)]
pub(crate) struct MigrateSql {
    /// The version that the store has; 0 for none
    #[arg(long, default_value_t = 0, value_name = "VERSION")]
    from: u32,
}

impl Run for MigrateSql {
    const SPEC: Spec = Spec {
        noun: "migrate",
        verb: "sql",
        group: Group::Admin,
        about: "Print the statements of the schema, for a migration tool of your own",
        more: "The URL says which store, and for Postgres which schema; it is not connected to.",
        examples: [
            ("migrate:sql --url postgres://localhost/app > jobs.sql", "all of it"),
            ("migrate:sql --url 'postgres://localhost/app?schema=jobs'", "in the schema `jobs`"),
            ("migrate:sql --from 1 --url sqlite:jobs.db", "what leads on from version 1"),
        ],
        needs_jobs: false,
    };

    async fn run(self, mut session: Session) -> Ended {
        let store = session.store()?;
        let Some(sql) = store.sql(self.from)? else {
            return Err(Failure::configuration(format!("`{}:` has no schema", store.scheme())));
        };
        session.output.raw(&sql)?;
        Ok(exit::DONE)
    }
}
