//! What the command line says.

use std::path::PathBuf;

use queue_benches::Rounds;

/// What `--help` says.
pub(crate) const HELP: &str = "\
cargo bench -p queue-benches --bench sqlite -- [figure ..] [option ..]

figures, all of them where none is named:
  drain     no-op jobs through a worker, beside claiming and completing 100 at once by plain SQL
  pushers   100 callers, each awaits its push, beside one transaction a push
  bulk      `dispatch_all`, beside inserts of many rows at once
  single    one caller that awaits each push, beside one insert after the other
  latency   from the push to the start of the handler, in one process
  across    the same from another process
  idle      what a worker without work costs (20 s)

options:
  --long        drain also 1,000,000 jobs (some minutes)
  --history     drain also with 1,000,000 finished jobs in the file
  --jobs N      drain so many jobs instead of 20,000
  --rounds N    measure each figure so often, and say the median (3)
  --folder PATH where the files lie (the target directory): a disk, not memory";

/// What to measure, and how.
#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) rounds: Rounds,
    pub(crate) is_help: bool,
    pub(crate) is_long: bool,
    pub(crate) has_history: bool,
    pub(crate) jobs: usize,
    pub(crate) folder: PathBuf,
    /// This program was started by itself to push into that file.
    pub(crate) child: Option<PathBuf>,
    figures: Vec<String>,
}

impl Options {
    pub(crate) fn from_args(rounds: Rounds) -> Result<Self, String> {
        let mut options = Self {
            rounds,
            is_help: false,
            is_long: false,
            has_history: false,
            jobs: 20_000,
            folder: PathBuf::from(env!("CARGO_TARGET_TMPDIR")),
            child: None,
            figures: Vec::new(),
        };
        let mut args = std::env::args().skip(1);
        while let Some(arg) = args.next() {
            let mut value = || args.next().ok_or_else(|| format!("`{arg}` takes a value: see --help"));
            match arg.as_str() {
                // Cargo's own.
                "--bench" => {}
                "--help" | "-h" => options.is_help = true,
                "--long" => options.is_long = true,
                "--history" => options.has_history = true,
                "--rounds" => drop(value()?),
                "--jobs" => options.jobs = value()?.parse().map_err(|_| "`--jobs` takes a number")?,
                "--folder" => options.folder = value()?.into(),
                "--child" => options.child = Some(value()?.into()),
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
