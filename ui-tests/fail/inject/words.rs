use queue::prelude::*;

use std::sync::Arc;

trait Mailer: Send + Sync {}

#[derive(Clone)]
struct Config;

#[derive(Queueable)]
struct Equals {
    #[inject = "x"]
    mail: Arc<dyn Mailer>,
}

#[derive(Queueable)]
struct Near {
    #[inject(optinal)]
    mail: Option<Arc<dyn Mailer>>,
}

#[derive(Queueable)]
struct Far {
    #[inject(zebra = 1)]
    mail: Arc<dyn Mailer>,
}

#[derive(Queueable)]
struct Twice {
    #[inject]
    #[inject]
    mail: Arc<dyn Mailer>,
}

#[derive(Queueable)]
struct NoLiteral {
    #[inject(name = AUDIT)]
    mail: Arc<dyn Mailer>,
}

#[derive(Queueable)]
struct NoValue {
    #[inject(name)]
    mail: Arc<dyn Mailer>,
}

#[derive(Queueable)]
struct EmptyName {
    #[inject(name = "")]
    mail: Arc<dyn Mailer>,
}

#[derive(Queueable)]
struct NameTwice {
    #[inject(name = "a", name = "b")]
    mail: Arc<dyn Mailer>,
}

#[derive(Queueable)]
struct Flag {
    #[inject(clone = true)]
    mail: Config,
}

impl Job for Equals { async fn handle(&self) -> JobResult { Ok(()) } }
impl Job for Near { async fn handle(&self) -> JobResult { Ok(()) } }
impl Job for Far { async fn handle(&self) -> JobResult { Ok(()) } }
impl Job for Twice { async fn handle(&self) -> JobResult { Ok(()) } }
impl Job for NoLiteral { async fn handle(&self) -> JobResult { Ok(()) } }
impl Job for NoValue { async fn handle(&self) -> JobResult { Ok(()) } }
impl Job for EmptyName { async fn handle(&self) -> JobResult { Ok(()) } }
impl Job for NameTwice { async fn handle(&self) -> JobResult { Ok(()) } }
impl Job for Flag { async fn handle(&self) -> JobResult { Ok(()) } }

fn main() {}
