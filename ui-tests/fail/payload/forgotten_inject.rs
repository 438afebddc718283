use queue::prelude::*;

use std::sync::Arc;

trait Mailer: Send + Sync {}

#[derive(Clone)]
struct Config;

#[derive(Queueable)]
struct Service {
    mail: Arc<dyn Mailer>,
}

#[derive(Queueable)]
struct Optional {
    mail: Option<Arc<dyn Mailer>>,
}

#[derive(Queueable)]
struct Data {
    config: std::sync::Arc<Config>,
}

impl Job for Service { async fn handle(&self) -> JobResult { Ok(()) } }
impl Job for Optional { async fn handle(&self) -> JobResult { Ok(()) } }
impl Job for Data { async fn handle(&self) -> JobResult { Ok(()) } }

fn main() {}
