//! `migrate`.

use clap::Args;
use queue::drivers::Schema;
use serde::Serialize;

use super::{Ended, Group, Run, Spec};
use crate::exit;
use crate::failure::Failure;
use crate::session::Session;

/// Brings the schema of the store up to date.
#[derive(Debug, Args)]
pub(crate) struct Migrate {
    /// Change nothing, and end with code 3 when something is pending
    #[arg(long)]
    check: bool,
    /// Change nothing, and say which version there is
    #[arg(long, conflicts_with = "check")]
    status: bool,
}

#[derive(Debug, Serialize)]
struct SchemaRecord {
    version: u32,
    wanted: u32,
    pending: bool,
}

impl Run for Migrate {
    const SPEC: Spec = Spec {
        noun: "",
        verb: "migrate",
        group: Group::Admin,
        about: "Bring the schema of the store up to date",
        more: "It is done under a lock, a version at a time. A schema that is newer than this program is left as it is.",
        examples: [
            ("migrate", "bring it up to date"),
            ("migrate --check", "for a pipeline: code 3 when something is pending"),
            ("migrate --status", "say which version there is"),
        ],
        needs_jobs: false,
    };

    async fn run(self, mut session: Session) -> Ended {
        let store = session.store()?;
        let is_look = self.check || self.status;
        let asked = async { if is_look { store.schema().await } else { store.migrate().await } };
        let schema = tokio::time::timeout(session.globals.wait.max(std::time::Duration::from_secs(60)), asked)
            .await
            .map_err(|_| Failure::new(exit::NOT_REACHABLE, "the store did not answer"))??;
        let Some(schema) = schema else {
            let text = format!("`{}:` has no schema: there is nothing to migrate", store.scheme());
            return Err(Failure::configuration(text));
        };
        let Schema { version, wanted, .. } = schema;
        let record = SchemaRecord { version, wanted, pending: version < wanted };
        let line = match (record.pending, version > wanted) {
            (true, _) => format!("the schema has version {version}, and this program wants {wanted}: run `craft migrate`"),
            (_, true) => format!("the schema has version {version}, which is newer than the {wanted} of this program: update it"),
            _ if is_look => format!("the schema is current: version {version}"),
            _ => format!("the schema has version {version} now"),
        };
        session.output.document(&record, || vec![line])?;
        Ok(match (version > wanted, record.pending && self.check) {
            (true, _) => exit::CHECK_FAILED,
            (_, true) => exit::NOTHING,
            _ => exit::DONE,
        })
    }
}
