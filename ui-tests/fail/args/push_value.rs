use queue::prelude::*;

#[derive(Queueable)]
struct Note {
    text: String,
}

#[derive(Queueable)]
struct Purge;

impl Job for Note { async fn handle(&self) -> JobResult { Ok(()) } }
impl Job for Purge { async fn handle(&self) -> JobResult { Ok(()) } }

async fn push() -> JobResult {
    Note { text: String::new() }.push().await?;
    Purge.push().await?;
    Ok(())
}

fn main() {
    drop(push());
}
