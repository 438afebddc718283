use std::sync::Arc;

use queue::FromContainer;
use queue::prelude::*;

struct Config;

#[derive(FromContainer)]
enum Either {
    One(Arc<Config>),
    Other,
}

#[derive(FromContainer)]
union Both {
    one: u8,
    other: i8,
}

#[derive(FromContainer)]
struct Borrows<'a> {
    config: &'a Config,
}

#[derive(Queueable)]
struct Welcome {
    #[inject]
    groups: (Either, Both, Borrows<'static>),
}

impl Job for Welcome {
    async fn handle(&self) -> JobResult {
        Ok(())
    }
}

fn main() {}
