use queue::prelude::*;

use std::sync::Arc;

trait Mailer: Send + Sync {}

#[derive(Clone)]
struct Config;

#[derive(Queueable)]
struct Optional {
    #[inject(optional)]
    mail: Arc<dyn Mailer>,
}

#[derive(Queueable)]
struct OptionalValue {
    #[inject(optional)]
    mail: Config,
}

#[derive(Queueable)]
struct CloneArc {
    #[inject(clone)]
    mail: Arc<Config>,
}

#[derive(Queueable)]
struct CloneOptional {
    #[inject(clone, optional)]
    mail: Option<Config>,
}

#[derive(Queueable)]
struct Reference {
    #[inject]
    mail: &'static dyn Mailer,
}

#[derive(Queueable)]
struct Boxed {
    #[inject]
    mail: Box<dyn Mailer>,
}

impl Job for Optional { async fn handle(&self) -> JobResult { Ok(()) } }
impl Job for OptionalValue { async fn handle(&self) -> JobResult { Ok(()) } }
impl Job for CloneArc { async fn handle(&self) -> JobResult { Ok(()) } }
impl Job for CloneOptional { async fn handle(&self) -> JobResult { Ok(()) } }
impl Job for Reference { async fn handle(&self) -> JobResult { Ok(()) } }
impl Job for Boxed { async fn handle(&self) -> JobResult { Ok(()) } }

fn main() {}
