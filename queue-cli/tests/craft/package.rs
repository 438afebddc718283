//! A package in a temporary folder, and what `craft` says in it.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// A folder that goes with it.
pub(crate) struct Package {
    folder: TempDir,
    root: PathBuf,
}

/// What a command said.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// The root of this workspace, as an argument.
pub(crate) const CHECKOUT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// The root of this workspace.
pub(crate) fn checkout() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// The cargo that runs the tests.
pub(crate) fn cargo() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or("cargo".into()))
}

/// Runs a command, and fails the test where it does not start.
pub(crate) fn run(command: &mut Command) -> Said {
    let output = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Said { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

impl Package {
    /// What `cargo new` makes, called `app`.
    pub(crate) fn new(args: &[&str]) -> Self {
        let package = Self::empty();
        let said = run(cargo().args(["new", "--quiet", "--vcs", "git", "app"]).args(args).current_dir(package.folder.path()));
        assert_eq!(said.code, Some(0), "{said:?}");
        Self { root: package.folder.path().canonicalize().unwrap().join("app"), ..package }
    }

    /// A folder without anything.
    pub(crate) fn empty() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        Self { folder, root }
    }

    /// A folder with these files.
    pub(crate) fn with(files: &[(&str, &str)]) -> Self {
        let package = Self::empty();
        for (path, text) in files {
            package.write(path, text);
        }
        package
    }

    /// After `craft init`.
    pub(crate) fn ready() -> Self {
        let package = Self::new(&[]);
        package.done(&["init", "--path", CHECKOUT]);
        package
    }

    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    pub(crate) fn write(&self, path: &str, text: impl AsRef<[u8]>) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub(crate) fn append(&self, path: &str, text: &str) {
        self.write(path, self.read(path) + text);
    }

    pub(crate) fn read(&self, path: &str) -> String {
        fs::read_to_string(self.path(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    pub(crate) fn has(&self, path: &str) -> bool {
        self.path(path).exists()
    }

    /// `craft` in a folder of it.
    pub(crate) fn command(&self, folder: &str, args: &[impl AsRef<OsStr>]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_craft"));
        command.args(args).current_dir(self.path(folder)).env_remove("QUEUE_URL").env_remove("CARGO_TARGET_DIR");
        command
    }

    pub(crate) fn craft(&self, args: &[&str]) -> Said {
        run(&mut self.command("", args))
    }

    /// What it said when it did what it should.
    pub(crate) fn done(&self, args: &[&str]) -> String {
        let said = self.craft(args);
        assert_eq!((said.code, said.err.as_str()), (Some(0), ""), "{args:?}: {said:?}");
        said.out
    }

    /// What it said when it refused, having written nothing.
    pub(crate) fn refused(&self, args: &[&str]) -> String {
        let before = self.tree();
        let said = self.craft(args);
        assert_eq!((said.code, said.out.as_str()), (Some(1), ""), "{args:?}: {said:?}");
        assert_eq!(self.tree(), before, "{args:?} wrote something");
        said.err.strip_prefix("error: ").unwrap_or_else(|| panic!("{args:?}: {}", said.err)).to_owned()
    }

    /// Every file and folder, but for those of git.
    pub(crate) fn tree(&self) -> BTreeMap<PathBuf, Option<Vec<u8>>> {
        let mut tree = BTreeMap::new();
        collect(&self.root, &mut tree);
        tree
    }

    /// The names of the programs that cargo finds in it.
    pub(crate) fn binaries(&self) -> Vec<String> {
        let said = run(cargo().args(["metadata", "--no-deps", "--format-version", "1"]).current_dir(&self.root));
        assert_eq!(said.code, Some(0), "{said:?}");
        let metadata: serde_json::Value = serde_json::from_str(&said.out).unwrap();
        let targets = metadata["packages"][0]["targets"].as_array().unwrap().iter();
        let mut names: Vec<String> = targets
            .filter(|target| target["kind"][0] == "bin")
            .map(|target| target["name"].as_str().unwrap().to_owned())
            .collect();
        names.sort();
        names
    }
}

fn collect(folder: &Path, tree: &mut BTreeMap<PathBuf, Option<Vec<u8>>>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            if !path.ends_with(".git") {
                collect(&path, tree);
                tree.insert(path, None);
            }
        } else {
            let text = fs::read(&path).unwrap();
            tree.insert(path, Some(text));
        }
    }
}
