//! Every shape of a group of services, and every form of its fields.

use std::sync::Arc;

use queue::container::Dependencies;
use queue::prelude::*;
use queue::{FromContainer, Lazy, Provider};

trait Mailer: Send + Sync {}

#[derive(Clone)]
struct Config;

type Mail = Arc<dyn Mailer>;

#[derive(FromContainer)]
struct Brace {
    one: Arc<dyn Mailer>,
    #[inject]
    alias: Mail,
    #[inject(name = "audit")]
    named: std::sync::Arc<dyn Mailer>,
    maybe: Option<Arc<dyn Mailer>>,
    #[inject(optional, name = "audit")]
    maybe_named: Option<Arc<dyn Mailer>>,
    all: Vec<Arc<dyn Mailer>>,
    lazy: Lazy<dyn Mailer>,
    #[inject(name = "audit")]
    provider: Provider<dyn Mailer>,
    #[inject(clone)]
    config: Config,
    #[inject(clone, name = "old")]
    old: Config,
    r#context: JobContext,
    queue: Queue,
    pair: (Arc<Config>, Tuple),
    #[cfg(any())]
    gone: NoSuchType,
}

#[derive(FromContainer)]
struct Tuple(Arc<dyn Mailer>, #[inject(name = "audit")] Arc<dyn Mailer>);

#[derive(FromContainer)]
struct Unit;

#[derive(FromContainer)]
struct Nothing {}

#[derive(FromContainer)]
struct Parameters<M: ?Sized, T: Clone = Config, const N: usize = 3>
where
    T: Send + Sync,
{
    mail: Arc<M>,
    #[inject(name = "audit")]
    named: Option<Arc<M>>,
    #[inject(clone)]
    config: T,
    numbers: Arc<[u8; N]>,
}

#[derive(FromContainer)]
#[allow(non_camel_case_types)]
struct r#type {
    r#fn: Arc<Config>,
}

macro_rules! group {
    ($group:ident, $service:ty) => {
        #[derive(FromContainer)]
        struct $group {
            service: $service,
        }
    };
}

group!(FromMacro, Option<Arc<Config>>);

/// Shadows what the derive could be tempted to name.
mod shadows {
    use queue::FromContainer;

    #[allow(dead_code)]
    mod std {}
    #[allow(dead_code)]
    mod core {}
    #[allow(dead_code)]
    enum Result {}
    #[allow(dead_code)]
    enum Option {}

    #[derive(FromContainer)]
    pub(crate) struct Shadowed {
        pub(crate) service: ::std::sync::Arc<super::Config>,
    }
}

#[derive(Queueable)]
struct Welcome {
    #[inject]
    brace: Brace,
    #[inject]
    unit: (Unit, Nothing, r#type, FromMacro),
    #[inject]
    parameters: Parameters<dyn Mailer>,
    #[inject]
    shadowed: shadows::Shadowed,
}

impl Job for Welcome {
    async fn handle(&self) -> JobResult {
        let Brace { one, alias, named, maybe, maybe_named, all, lazy, provider, config, old, context, queue, pair } = &self.brace;
        let _ = (one, alias, named, maybe, maybe_named, all, lazy, provider, config, old, context, queue, &pair.1.0, &pair.1.1);
        let Parameters { mail, named, config, numbers } = &self.parameters;
        let _ = (mail, named, config, numbers, &self.unit.2.r#fn, &self.unit.3.service, &self.shadowed.service);
        Ok(())
    }
}

#[derive(FromContainer)]
struct Inside {
    config: Arc<Config>,
}

fn main() {
    #[derive(FromContainer)]
    struct Nested(Arc<Config>);

    let container = Container::builder()
        .instance(Arc::new(Config))
        .singleton(|group: Inside, nested: Nested| {
            assert!(Arc::ptr_eq(&group.config, &nested.0));
            7_u8
        })
        .build();
    assert_eq!(*container.get::<u8>().unwrap(), 7);
    for dependency in Welcome::dependencies() {
        (dependency.needs)(&mut Dependencies::default());
    }
    let report = container.verify().unwrap_err().to_string();
    let source = include_str!("groups.rs");
    let line = source.lines().position(|line| line == "    maybe: Option<Arc<dyn Mailer>>,").unwrap() + 1;
    assert!(report.contains(&format!("groups.rs:{}) needs `dyn Mailer` named \"audit\"", line - 1)), "{report}");
    assert!(report.contains("`Parameters<dyn Mailer>.mail` ("), "{report}");
    assert!(!report.contains("needs `Config`,"), "{report}");
}
