use queue::prelude::*;

#[derive(Queueable)]
enum Notify {
    Mail,
    Push,
}

#[derive(Queueable)]
union Bits {
    whole: u32,
    half: u16,
}

impl Job for Notify {
    async fn handle(&self) -> JobResult {
        Ok(())
    }
}

impl Job for Bits {
    async fn handle(&self) -> JobResult {
        Ok(())
    }
}

fn main() {}
