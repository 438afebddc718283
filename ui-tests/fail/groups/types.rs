use std::rc::Rc;
use std::sync::Arc;

use queue::FromContainer;
use queue::prelude::*;

trait Mailer: Send + Sync {}

#[derive(Clone)]
struct Config;

#[derive(FromContainer)]
struct Shared(Rc<Config>);

#[derive(FromContainer)]
struct Boxed(Box<dyn Mailer>);

#[derive(FromContainer)]
struct Reference(&'static Config);

#[derive(FromContainer)]
struct Optional {
    #[inject(optional)]
    config: Arc<Config>,
}

#[derive(FromContainer)]
struct CloneArc {
    #[inject(clone)]
    config: Arc<Config>,
}

#[derive(FromContainer)]
struct CloneOptional {
    #[inject(clone, optional)]
    config: Option<Config>,
}

#[derive(Queueable)]
struct Welcome {
    #[inject]
    groups: (Boxed, Reference, Optional, CloneArc, CloneOptional),
}

impl Job for Welcome {
    async fn handle(&self) -> JobResult {
        Ok(())
    }
}

fn main() {
    drop(Container::builder().singleton(|_: Shared| Config).build());
}
