use queue::prelude::*;

struct Resize;

impl BlockingJob for Resize {
    fn handle(&self) -> JobResult {
        Ok(())
    }
}

fn main() {}
