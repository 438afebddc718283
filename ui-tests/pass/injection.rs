//! Every form of `#[inject]`, and where the dependencies are said to stand.

use std::sync::Arc;

use queue::container::{Dependencies, FromContainer, ResolveError, Scope};
use queue::prelude::*;
use queue::Queueable;

trait Mailer: Send + Sync {}

#[derive(Clone)]
struct Config;

struct Own;

impl FromContainer for Own {
    fn dependencies(_needs: &mut Dependencies) {}

    fn from_container(_scope: &Scope<'_>) -> Result<Self, ResolveError> {
        Ok(Self)
    }
}

type Mail = Arc<dyn Mailer>;

#[derive(Queueable)]
struct Everything {
    #[inject]
    one: Arc<dyn Mailer>,
    #[inject()]
    alias: Mail,
    #[inject(name = "audit")]
    named: std::sync::Arc<dyn Mailer>,
    #[inject]
    maybe: Option<Arc<dyn Mailer>>,
    #[inject(optional)]
    said: Option<Arc<dyn Mailer>>,
    #[inject(optional, name = "audit")]
    maybe_named: Option<Arc<dyn Mailer>>,
    #[inject]
    all: Vec<Arc<dyn Mailer>>,
    #[inject(clone)]
    config: Config,
    #[inject(clone, name = "old")]
    old: Config,
    #[inject]
    own: Own,
    #[inject]
    r#context: JobContext,
    #[cfg(any())]
    #[inject]
    gone: NoSuchType,
    #[inject]
    marked: Arc<dyn Mailer + Send>,
    user_id: u64,
}

impl Job for Everything {
    async fn handle(&self) -> JobResult {
        let _ = (&self.one, &self.alias, &self.named, &self.maybe, &self.said, &self.maybe_named, &self.all, &self.config);
        let _ = (&self.old, &self.own, &self.context, &self.marked, self.user_id);
        Ok(())
    }
}

#[derive(Queueable)]
struct Tuple(#[inject] Arc<dyn Mailer>, u8, #[inject(name = "audit")] Arc<dyn Mailer>);

impl Job for Tuple {
    async fn handle(&self) -> JobResult {
        let _ = (&self.0, self.1, &self.2);
        Ok(())
    }
}

/// A service that has the name of a handle is a service.
mod own {
    pub struct Queue;
    pub struct JobContext<T>(pub T);
}

#[derive(Queueable)]
struct OwnNames {
    #[inject]
    queue: Arc<own::Queue>,
    #[inject]
    context: Arc<own::JobContext<u8>>,
}

impl Job for OwnNames {
    async fn handle(&self) -> JobResult {
        let _ = (&self.queue, &self.context);
        Ok(())
    }
}

macro_rules! job {
    ($job:ident, $service:ty, $payload:ty) => {
        #[derive(Queueable)]
        struct $job {
            #[inject]
            service: $service,
            payload: $payload,
        }

        impl Job for $job {
            async fn handle(&self) -> JobResult {
                let _ = (&self.service, &self.payload);
                Ok(())
            }
        }
    };
}

job!(FromMacro, Option<Arc<dyn Mailer>>, Vec<(u8, String)>);

fn main() {
    let fields: Vec<&str> = Everything::dependencies().iter().map(|dependency| dependency.field).collect();
    assert_eq!(
        fields,
        ["one", "alias", "named", "maybe", "said", "maybe_named", "all", "config", "old", "own", "context", "marked"]
    );
    for dependency in Everything::dependencies() {
        assert!(dependency.file.ends_with("injection.rs"), "{}", dependency.file);
        (dependency.needs)(&mut Dependencies::default());
    }
    // The line of the field's type.
    let source = include_str!("injection.rs");
    let line = |of: &str| source.lines().position(|line| line.contains(of)).unwrap() + 1;
    assert_eq!(Everything::dependencies()[0].line as usize, line("    one: Arc"));
    assert_eq!(Everything::dependencies()[8].line as usize, line("    old: Config"));
    let fields: Vec<&str> = Tuple::dependencies().iter().map(|dependency| dependency.field).collect();
    assert_eq!(fields, ["0", "2"]);

    let entries = queue::registry::Registry::linked();
    let entry = entries.entries().find(|entry| entry.kind == "Everything").unwrap();
    assert!(entry.file.ends_with("injection.rs"), "{}", entry.file);
    assert_eq!(entry.line as usize, line("struct Everything {"));
    drop(FromMacro::with(Vec::new()));
}
