//! A run of the binary, with nothing of the environment of the tests in it.

use std::ffi::OsStr;
use std::process::{Command, Stdio};

use serde_json::Value;

/// The binary with jobs.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_jobbed");

/// A run that is still to begin.
pub(crate) struct Craft(Command);

/// What a run came to.
#[derive(Debug)]
pub(crate) struct Ran {
    /// `None` where a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// A run with these words, which one space parts.
pub(crate) fn craft(words: &str) -> Craft {
    Craft::new(words.split(' ').filter(|word| !word.is_empty()))
}

impl Craft {
    pub(crate) fn new<A: AsRef<OsStr>>(words: impl IntoIterator<Item = A>) -> Self {
        let mut command = Command::new(PROGRAM);
        plain(&mut command).args(words);
        Self(command)
    }

    pub(crate) fn arg(mut self, word: impl AsRef<OsStr>) -> Self {
        self.0.arg(word);
        self
    }

    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.0.env(name, value);
        self
    }

    /// On this store.
    pub(crate) fn on(self, url: &str) -> Self {
        self.env("QUEUE_URL", url)
    }

    /// As the process that it is.
    pub(crate) fn into_command(self) -> Command {
        self.0
    }

    pub(crate) fn run(mut self) -> Ran {
        let output = self.0.output().unwrap();
        Ran {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

/// Without what the tests themselves were started with: the same everywhere.
pub(crate) fn plain(command: &mut Command) -> &mut Command {
    let kept = ["PATH", "HOME", "TMPDIR", "LLVM_PROFILE_FILE"];
    command.env_clear().envs(kept.iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
    command.env("NO_COLOR", "1").env("COLUMNS", "100").env("LC_ALL", "C.UTF-8").stdin(Stdio::null())
}

impl Ran {
    /// It ended with this code.
    #[track_caller]
    pub(crate) fn code(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:#?}");
        self
    }

    /// It was done, and nothing was said besides.
    #[track_caller]
    pub(crate) fn done(self) -> String {
        assert!(self.code == Some(0) && self.err.is_empty(), "{self:#?}");
        self.out
    }

    /// It was not done: nothing on standard output, and all these words on the other.
    #[track_caller]
    pub(crate) fn refused(self, code: i32, words: &[&str]) -> Self {
        let ran = self.code(code);
        assert_eq!(ran.out, "", "{ran:#?}");
        ran.says(words)
    }

    /// All these words stand on standard error.
    #[track_caller]
    pub(crate) fn says(self, words: &[&str]) -> Self {
        let missing: Vec<_> = words.iter().filter(|word| !self.err.contains(**word)).collect();
        assert!(missing.is_empty(), "{missing:?} is missing in {self:#?}");
        assert!(!self.err.contains("panicked"), "{self:#?}");
        self
    }

    /// The one document on standard output.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:#?}"))
    }

    /// The documents on standard output, a line each.
    #[track_caller]
    pub(crate) fn json_lines(&self) -> Vec<Value> {
        let document = |line: &str| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        self.out.lines().map(document).collect()
    }
}
