//! What the bench programs share: rounds in pairs, medians, percentiles, and the memory of the process.

/// The threads that the worker and the raw forms get.
pub const THREADS: usize = 2;

/// Prints a line of a report.
#[expect(clippy::print_stdout, reason = "a bench program is read on the terminal")]
pub fn say(line: &str) {
    println!("{line}");
}

/// How often a figure is measured.
#[derive(Debug, Clone, Copy)]
pub struct Rounds {
    /// How often.
    pub count: usize,
}

impl Rounds {
    /// The number given by `--rounds N`, or this one. Cargo's own `--bench` is passed over.
    #[must_use]
    pub fn from_args(default: usize) -> Self {
        let mut args = std::env::args().skip_while(|arg| arg != "--rounds");
        let count = args.nth(1).and_then(|count| count.parse().ok()).unwrap_or(default);
        Self { count }
    }

    /// Measures several figures in turn, round by round, and answers the median of each.
    pub fn medians<const N: usize>(self, mut round: impl FnMut() -> [f64; N]) -> [f64; N] {
        let rounds: Vec<[f64; N]> = (0..self.count.max(1)).map(|_| round()).collect();
        std::array::from_fn(|figure| percentile(&rounds.iter().map(|round| round[figure]).collect::<Vec<_>>(), 50))
    }
}

/// The p-th percentile, 0 to 100; 0 of nothing.
#[must_use]
pub fn percentile(values: &[f64], p: usize) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get((sorted.len().saturating_sub(1) * p).div_ceil(100)).copied().unwrap_or(0.0)
}

/// The resident memory of this process in bytes, 0 where the system does not tell.
#[must_use]
pub fn resident_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    line.split_whitespace().next().and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0) * 1024
}
