//! Prints what a job costs to compile: a crate of jobs beside a crate of the same structs with serde's derives alone, checked in
//! turn, dependencies warm.
//!
//! `cargo run -p queue-ui-tests --bin derive-cost [jobs] [rounds]`

#![expect(clippy::print_stdout, reason = "it is read on the terminal")]

use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};
use std::{env, fs};

fn main() -> Result<(), Box<dyn Error>> {
    let mut numbers = env::args().skip(1).map(|number| number.parse::<usize>());
    let jobs = numbers.next().transpose()?.unwrap_or(100);
    let rounds = numbers.next().transpose()?.unwrap_or(7);
    let folder = env::temp_dir().join(format!("queue-derive-cost-{}", std::process::id()));
    let plain = Crate::write(&folder, "plain", &plain_source(jobs))?;
    let derived = Crate::write(&folder, "derived", &derived_source(jobs))?;
    // The first check is that of the dependencies.
    plain.check()?;
    derived.check()?;
    let (mut plains, mut deriveds) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        plains.push(plain.check()?);
        deriveds.push(derived.check()?);
    }
    fs::remove_dir_all(&folder)?;
    plains.sort_unstable();
    deriveds.sort_unstable();
    for (what, index) in [("least", 0), ("median", rounds / 2)] {
        let (plain, derived) = (plains[index].as_secs_f64() * 1e3, deriveds[index].as_secs_f64() * 1e3);
        let each = (derived - plain) / jobs as f64;
        println!("{what} of {rounds}: {jobs} jobs {derived:.0} ms, serde alone {plain:.0} ms: {each:.2} ms a job");
    }
    Ok(())
}

/// A crate in a folder of its own.
struct Crate {
    folder: PathBuf,
}

impl Crate {
    fn write(folder: &Path, name: &str, source: &str) -> Result<Self, Box<dyn Error>> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().ok_or("the package stands in a workspace")?;
        let folder = folder.join(name);
        fs::create_dir_all(folder.join("src"))?;
        fs::copy(root.join("Cargo.lock"), folder.join("Cargo.lock"))?;
        let queue = root.join("queue");
        fs::write(
            folder.join("Cargo.toml"),
            format!(
                "[package]\nname = \"{name}\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[workspace]\n\n[dependencies]\n\
                 queue = {{ path = {queue:?} }}\nserde = {{ version = \"1\", features = [\"derive\"] }}\n"
            ),
        )?;
        fs::write(folder.join("src/lib.rs"), source)?;
        Ok(Self { folder })
    }

    /// The time of one `cargo check` after a change.
    fn check(&self) -> Result<Duration, Box<dyn Error>> {
        let source = self.folder.join("src/lib.rs");
        fs::write(&source, fs::read_to_string(&source)?)?;
        let start = Instant::now();
        let output = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
            .args(["check", "--quiet", "--offline"])
            .env("CARGO_INCREMENTAL", "0")
            .env("CARGO_TARGET_DIR", self.folder.with_file_name("target"))
            .current_dir(&self.folder)
            .output()?;
        let took = start.elapsed();
        if !output.status.success() {
            return Err(format!("the generated crate does not compile: {}", String::from_utf8_lossy(&output.stderr)).into());
        }
        Ok(took)
    }
}

/// What the jobs of an application look like: a few payload fields, one of them of an own type.
const PAYLOAD: &str = "user_id: u64, email: String, tags: Vec<String>, note: Option<String>, address: Address";

const TYPES: &str = "#![allow(dead_code)]\nuse std::sync::Arc;\n\
    #[derive(serde::Serialize, serde::Deserialize)]\npub struct Address { zip: String, street: String }\n\
    pub struct Mailer;\n";

fn plain_source(jobs: usize) -> String {
    // The handler is no cost of the derive, so it stands here too.
    let mut source = format!("{TYPES}pub trait Work {{ fn handle(&self) -> impl Future<Output = queue::JobResult> + Send; }}\n");
    for number in 0..jobs {
        let _ = writeln!(
            source,
            "#[derive(serde::Serialize, serde::Deserialize)]\npub struct Job{number} {{ #[serde(skip)] mail: Option<Arc<Mailer>>, {PAYLOAD} }}\n\
             impl Work for Job{number} {{ async fn handle(&self) -> queue::JobResult {{ Ok(()) }} }}"
        );
    }
    source
}

fn derived_source(jobs: usize) -> String {
    let mut source = format!("{TYPES}use queue::prelude::*;\n");
    for number in 0..jobs {
        let _ = writeln!(
            source,
            "#[derive(Queueable)]\n#[queueable(queue = \"mail\", max_attempts = 5)]\npub struct Job{number} {{ #[inject] mail: Arc<Mailer>, {PAYLOAD} }}\n\
             impl Job for Job{number} {{ async fn handle(&self) -> JobResult {{ Ok(()) }} }}"
        );
    }
    source
}
