use queue::prelude::*;

#[derive(Queueable)]
#[queueable(name = "a", name = "b")]
struct Here;

#[derive(Queueable)]
#[queueable(name = "a")]
#[queueable(queue = "q", name = "b")]
struct Across;

impl Job for Here { async fn handle(&self) -> JobResult { Ok(()) } }
impl Job for Across { async fn handle(&self) -> JobResult { Ok(()) } }

fn main() {}
