use queue::prelude::*;

#[derive(Queueable)]
#[queueable(blocking)]
struct Resize;

fn main() {}
