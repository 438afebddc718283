//! A package outside the workspace, checked by cargo as a user's would be.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;

/// A package to be written and checked.
pub(crate) struct Package {
    pub name: &'static str,
    pub edition: &'static str,
    /// What `queue` is called in it.
    pub dependency: &'static str,
    /// Its library, if any.
    pub library: Option<PathBuf>,
    /// Its programs.
    pub programs: Vec<PathBuf>,
    /// Code in front of each program, for example lints.
    pub prefix: &'static str,
    /// Whether clippy looks at it too, where it is installed.
    pub clippy: bool,
}

/// What the compiler says.
pub(crate) struct Message {
    pub level: String,
    /// The program, or the library, it is about.
    pub target: String,
    pub text: String,
    /// The first line of the main place, from 1, in the file as it stands in the repository.
    pub line: Option<usize>,
    /// The message as people see it.
    pub rendered: String,
}

impl Package {
    pub(crate) fn new(name: &'static str, edition: &'static str) -> Self {
        Self { name, edition, dependency: "queue", library: None, programs: Vec::new(), prefix: "", clippy: false }
    }

    /// Writes the package anew and lets cargo check all of it.
    pub(crate) fn check(&self) -> Vec<Message> {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("packages").join(self.name);
        self.write(&folder);
        let cargo = || Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        let clippy = self.clippy && cargo().args(["clippy", "--version"]).output().is_ok_and(|answer| answer.status.success());
        let output = cargo()
            .args([if clippy { "clippy" } else { "check" }, "--quiet", "--offline", "--keep-going", "--message-format=json"])
            .env("CARGO_TARGET_DIR", folder.with_file_name("target"))
            .env_remove("RUSTFLAGS")
            .current_dir(&folder)
            .output()
            .unwrap();
        let stdout = String::from_utf8_lossy(&output.stdout);
        let messages: Vec<Message> = stdout.lines().filter_map(|line| self.message(line)).collect();
        let failed = messages.iter().any(|message| message.level == "error");
        assert_eq!(output.status.success(), !failed, "cargo itself failed: {}", String::from_utf8_lossy(&output.stderr));
        messages
    }

    fn write(&self, folder: &Path) {
        let _ = fs::remove_dir_all(folder);
        fs::create_dir_all(folder).unwrap();
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        // The versions that the workspace has, so that nothing is looked up.
        fs::copy(root.join("Cargo.lock"), folder.join("Cargo.lock")).unwrap();
        let mut manifest = format!(
            "[package]\nname = \"{}\"\nversion = \"0.0.0\"\nedition = \"{}\"\n\n[workspace]\n\n[dependencies]\n\
             {} = {{ package = \"queue\", path = {:?} }}\n\
             serde = {{ version = \"1\", features = [\"derive\"] }}\nserde_json = \"1\"\n",
            self.name,
            self.edition,
            self.dependency,
            root.join("queue"),
        );
        for program in &self.programs {
            let name = program.file_stem().unwrap().to_string_lossy();
            let path = folder.join(program.file_name().unwrap());
            fs::write(&path, format!("{}{}", self.prefix, fs::read_to_string(program).unwrap())).unwrap();
            write!(manifest, "\n[[bin]]\nname = \"{name}\"\npath = {path:?}\n").unwrap();
        }
        if let Some(library) = &self.library {
            write!(manifest, "\n[lib]\nname = \"library\"\npath = {library:?}\n").unwrap();
        }
        fs::write(folder.join("Cargo.toml"), manifest).unwrap();
    }

    /// A line of cargo's output, if it is a message of the compiler about this package.
    fn message(&self, line: &str) -> Option<Message> {
        #[derive(Deserialize)]
        struct Line {
            reason: String,
            package_id: Option<String>,
            target: Option<Target>,
            message: Option<Said>,
        }
        #[derive(Deserialize)]
        struct Target {
            name: String,
            test: bool,
        }
        #[derive(Deserialize)]
        struct Said {
            level: String,
            message: String,
            rendered: String,
            spans: Vec<Place>,
        }
        #[derive(Deserialize)]
        struct Place {
            line_start: usize,
            is_primary: bool,
        }
        let line: Line = serde_json::from_str(line).ok()?;
        let said = line.message.filter(|_| line.reason == "compiler-message")?;
        let target = line.target.filter(|target| target.test || self.library.is_some())?;
        if !line.package_id?.contains(self.name) || said.message.starts_with("aborting due to") || said.level == "failure-note" {
            return None;
        }
        let place = said.spans.iter().find(|place| place.is_primary);
        Some(Message {
            level: said.level,
            target: target.name,
            text: said.message,
            line: place.map(|place| place.line_start - self.prefix.lines().count()),
            rendered: said.rendered,
        })
    }
}

/// The Rust files of a folder of this package.
pub(crate) fn files(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut files: Vec<PathBuf> = fs::read_dir(&folder).unwrap().map(|file| file.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "rs"));
    files.sort();
    assert!(!files.is_empty(), "{} is empty", folder.display());
    files
}
