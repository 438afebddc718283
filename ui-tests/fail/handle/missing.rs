use queue::prelude::*;

#[derive(Queueable)]
struct Purge;

fn main() {}
