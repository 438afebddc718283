//! A program that knows `queue` through the library alone.

use library::work::prelude::*;

library::job!(Purge, before: u64);

impl Job for Purge {
    async fn handle(&self) -> JobResult {
        let _ = (self.before, &self.own);
        Ok(())
    }
}

fn main() {
    drop(Container::builder().scoped(|group: library::Group| group.0).build());
    drop(Purge::with(3, Some(library::Own)));
    drop(library::Inside::with(4).push());
}
