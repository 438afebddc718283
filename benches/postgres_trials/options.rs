//! What the command line says.

use queue_benches::Rounds;

/// What `--help` says.
pub(crate) const HELP: &str = "\
cargo bench -p queue-benches --bench postgres_trials -- [figure ..] [option ..]

figures, all of them where none is named:
  held      each statement alone, over 0, 100,000 and 300,000 dead rows that a held snapshot keeps
  steady    500 jobs/s in batches of 50: from the push to the claim, without and with 300,000 dead rows
  drain     50,000 jobs over one connection, in batches of 100 and of 256

options:
  --dead N,N    how many dead rows (0,100000,300000)
  --seconds N   steady takes so long for each line (20)
  --jobs N      drain so many jobs (50,000)
  --rounds N    measure each drain so often, and say the median (3)
  --url URL     a server that is there, instead of one of its own, whose files lie in TMPDIR, which should be on a disk";

/// What to measure, and how.
#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) rounds: Rounds,
    pub(crate) is_help: bool,
    pub(crate) dead: Vec<usize>,
    pub(crate) seconds: u64,
    pub(crate) jobs: usize,
    pub(crate) url: Option<String>,
    figures: Vec<String>,
}

impl Options {
    pub(crate) fn from_args(rounds: Rounds) -> Result<Self, String> {
        let mut options = Self {
            rounds,
            is_help: false,
            dead: vec![0, 100_000, 300_000],
            seconds: 20,
            jobs: 50_000,
            url: None,
            figures: Vec::new(),
        };
        let mut args = std::env::args().skip(1);
        while let Some(arg) = args.next() {
            let mut value = || args.next().ok_or_else(|| format!("`{arg}` takes a value: see --help"));
            let number = |text: &str| text.parse::<usize>().map_err(|_| format!("`{text}` is no number: see --help"));
            match arg.as_str() {
                // Cargo's own.
                "--bench" => {}
                "--help" | "-h" => options.is_help = true,
                "--rounds" => drop(value()?),
                "--dead" => options.dead = value()?.split(',').map(number).collect::<Result<_, _>>()?,
                "--seconds" => options.seconds = number(&value()?)? as u64,
                "--jobs" => options.jobs = number(&value()?)?,
                "--url" => options.url = Some(value()?),
                "held" | "steady" | "drain" => options.figures.push(arg),
                _ => return Err(format!("`{arg}` is not known: see --help")),
            }
        }
        Ok(options)
    }

    pub(crate) fn wants(&self, figure: &str) -> bool {
        self.figures.is_empty() || self.figures.iter().any(|wanted| wanted == figure)
    }
}
