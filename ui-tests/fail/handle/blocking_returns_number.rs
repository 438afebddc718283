use queue::prelude::*;

#[derive(Queueable)]
#[queueable(blocking)]
struct Resize;

impl BlockingJob for Resize {
    fn handle(&self) -> u8 {
        3
    }
}

fn main() {}
