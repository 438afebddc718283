//! What the command line says.

use queue_benches::Rounds;

/// What `--help` says.
pub(crate) const HELP: &str = "\
cargo bench -p queue-benches --bench postgres -- [figure ..] [option ..]

figures, all of them where none is named:
  drain     no-op jobs through a worker with its default settings, beside claiming and completing 100 or 256 at once
            by plain SQL over one connection, whichever is faster; with the finished jobs kept, and removed
  pushers   50 callers, each awaits its push, beside one insert a transaction on one connection
  bulk      `dispatch_all`, beside inserts of 1,000 or 5,000 rows at once, whichever is faster
  single    one caller that awaits each push, beside one insert after the other
  latency   from the push to the start of the handler, in one process, beside a bare INSERT, NOTIFY, LISTEN and claim
  across    the same from another process, which tells this one through the server
  idle      how many statements a worker without work makes (75 s)
  held      500 jobs/s, from the push to the start of the handler, without and with a held snapshot and dead rows

options:
  --long        drain also 1,000,000 jobs (some minutes)
  --history     drain also with 1,000,000 finished jobs in the database
  --jobs N      drain so many jobs instead of 50,000
  --dead N      dead jobs under the held snapshot (300,000)
  --seconds N   how long jobs are pushed for each line of `held` (20)
  --rounds N    measure each figure so often, and say the median (3)
  --url URL     a server that is there, instead of one of its own, whose files lie in TMPDIR, which should be on a disk: databases are made and dropped in it";

/// What to measure, and how.
#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) rounds: Rounds,
    pub(crate) is_help: bool,
    pub(crate) is_long: bool,
    pub(crate) has_history: bool,
    pub(crate) jobs: usize,
    pub(crate) dead: usize,
    pub(crate) seconds: usize,
    pub(crate) url: Option<String>,
    /// This program was started by itself to push into that database.
    pub(crate) child: Option<String>,
    figures: Vec<String>,
}

impl Options {
    pub(crate) fn from_args(rounds: Rounds) -> Result<Self, String> {
        let mut options = Self {
            rounds,
            is_help: false,
            is_long: false,
            has_history: false,
            jobs: 50_000,
            dead: 300_000,
            seconds: 20,
            url: None,
            child: None,
            figures: Vec::new(),
        };
        let mut args = std::env::args().skip(1);
        while let Some(arg) = args.next() {
            let mut value = || args.next().ok_or_else(|| format!("`{arg}` takes a value: see --help"));
            let number = |text: String| text.parse::<usize>().map_err(|_| format!("`{text}` is no number: see --help"));
            match arg.as_str() {
                // Cargo's own.
                "--bench" => {}
                "--help" | "-h" => options.is_help = true,
                "--long" => options.is_long = true,
                "--history" => options.has_history = true,
                "--rounds" => drop(value()?),
                "--jobs" => options.jobs = number(value()?)?,
                "--dead" => options.dead = number(value()?)?,
                "--seconds" => options.seconds = number(value()?)?,
                "--url" => options.url = Some(value()?),
                "--child" => options.child = Some(value()?),
                figure if super::FIGURES.iter().any(|(name, _)| *name == figure) => options.figures.push(arg),
                _ => return Err(format!("`{arg}` is not known: see --help")),
            }
        }
        Ok(options)
    }

    pub(crate) fn wants(&self, figure: &str) -> bool {
        self.figures.is_empty() || self.figures.iter().any(|wanted| wanted == figure)
    }
}
