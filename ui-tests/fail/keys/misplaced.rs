use queue::prelude::*;

#[derive(Queueable)]
struct OnField {
    #[queueable(queue = "mail")]
    user_id: u64,
}

#[derive(Queueable)]
#[inject]
struct OnStruct;

impl Job for OnField { async fn handle(&self) -> JobResult { Ok(()) } }
impl Job for OnStruct { async fn handle(&self) -> JobResult { Ok(()) } }

fn main() {}
