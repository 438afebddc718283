use std::sync::Arc;

use queue::FromContainer;
use queue::prelude::*;

struct Config;

#[derive(FromContainer)]
struct UnknownKey {
    #[inject(optinal)]
    config: Option<Arc<Config>>,
}

#[derive(FromContainer)]
struct InjectTwice {
    #[inject]
    #[inject(name = "audit")]
    config: Arc<Config>,
}

#[derive(FromContainer)]
#[inject]
struct InjectOnStruct;

#[derive(FromContainer)]
struct OnField(#[from_container(crate = ::queue)] Arc<Config>);

#[derive(FromContainer)]
#[from_container]
struct Empty;

#[derive(FromContainer)]
#[from_container(crat = ::queue)]
struct Near;

#[derive(FromContainer)]
#[from_container(crate = ::queue, crate = ::queue)]
struct Twice;

#[derive(FromContainer)]
#[from_container(crate = "queue")]
struct Quoted;

#[derive(FromContainer)]
#[from_container(crate = queue)]
struct Relative;

#[derive(Queueable)]
struct Welcome {
    #[inject]
    groups: (UnknownKey, InjectTwice, InjectOnStruct, OnField, Empty, Near, Twice, Quoted, Relative),
}

impl Job for Welcome {
    async fn handle(&self) -> JobResult {
        Ok(())
    }
}

fn main() {}
