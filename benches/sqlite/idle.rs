//! What a worker costs that has nothing to do: it looks at the file every 20 ms, and writes its row every 10 s.

use std::time::Duration;

use queue::prelude::*;
use queue_benches::say;

use super::file::File;
use super::options::Options;
use super::{Done, runtime};

const SPAN: Duration = Duration::from_secs(20);
/// The ticks of `/proc/self/stat` in a second: what Linux tells programs, whatever the kernel has.
const TICKS: f64 = 100.0;

pub(crate) fn measure(options: &Options) -> Done {
    let runtime = runtime()?;
    let share = runtime.block_on(async {
        let file = File::new(&options.folder);
        let queue = file.queue().await;
        let worker = Worker::builder(&queue, Container::builder().build()).start().await.expect("start");
        tokio::time::sleep(Duration::from_secs(1)).await;
        let before = cpu_ticks();
        tokio::time::sleep(SPAN).await;
        let used = cpu_ticks() - before;
        worker.shutdown(Duration::from_secs(1)).await;
        queue.shutdown().await.expect("nothing waits");
        used / TICKS / SPAN.as_secs_f64()
    });
    say(&format!("{:>44} | {:.2} % of a core over {SPAN:?} | goal 1 %", "an idle worker", share * 100.0));
    Ok(())
}

/// The time on a processor of this process and its threads; 0 where the system does not tell.
fn cpu_ticks() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The second field may hold spaces; user and system time are the 12th and 13th behind it.
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
    fields.split_whitespace().skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum()
}
