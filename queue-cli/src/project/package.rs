//! The package that a command is about, as cargo sees it.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;

use super::failure::{Failure, Result};
use super::plan::shown;

/// The packages around a folder.
#[derive(Debug)]
pub(super) struct Workspace {
    /// The nearest `Cargo.toml`.
    manifest: PathBuf,
    packages: Vec<Package>,
}

/// A package, by the words of `cargo metadata`.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Package {
    pub(super) name: String,
    manifest_path: PathBuf,
    pub(super) edition: String,
    pub(super) targets: Vec<Target>,
    dependencies: Vec<Dependency>,
    #[serde(default)]
    metadata: serde_json::Value,
}

/// What cargo builds of a package.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Target {
    pub(super) name: String,
    kind: Vec<String>,
    pub(super) src_path: PathBuf,
}

#[derive(Debug, Clone, Deserialize)]
struct Dependency {
    name: String,
    rename: Option<String>,
    #[serde(default)]
    features: Vec<String>,
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

/// The cargo that started this program, else that of the `PATH`.
pub(super) fn cargo() -> Command {
    Command::new(env::var_os("CARGO").unwrap_or(OsString::from("cargo")))
}

impl Workspace {
    /// Looks from a folder upwards; `None` outside of any package.
    ///
    /// # Errors
    ///
    /// What cargo says against a manifest.
    pub(super) fn around(folder: &Path) -> Result<Option<Self>> {
        let Some(manifest) = folder.ancestors().map(|folder| folder.join("Cargo.toml")).find(|manifest| manifest.is_file())
        else {
            return Ok(None);
        };
        let output = cargo()
            .args(["metadata", "--no-deps", "--format-version", "1", "--manifest-path"])
            .arg(&manifest)
            .current_dir(folder)
            .output()
            .map_err(|error| Failure::new(format!("cannot run cargo, which knows the package: {error}")))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            let said = said.trim().trim_start_matches("error: ");
            return Err(Failure::new(format!("cargo cannot read {}: {said}", shown(&manifest))));
        }
        let metadata: Metadata = serde_json::from_slice(&output.stdout)
            .map_err(|error| Failure::new(format!("cannot understand what `cargo metadata` says: {error}")))?;
        Ok(Some(Self { manifest, packages: metadata.packages }))
    }

    /// The package of that name, else the one of the nearest `Cargo.toml`.
    ///
    /// # Errors
    ///
    /// Where there is none, with those that there are.
    pub(super) fn package(&self, name: Option<&str>) -> Result<&Package> {
        let found = match name {
            Some(name) => self.packages.iter().find(|package| package.name == name),
            None => self.here(),
        };
        found.ok_or_else(|| {
            let manifest = shown(&self.manifest);
            let members = self.names();
            Failure::new(match name {
                Some(name) => format!("no package `{name}` in the workspace of {manifest}; it has {members}"),
                None => format!("{manifest} is a workspace without a package: choose a member by `-p NAME`; it has {members}"),
            })
        })
    }

    /// The package of the nearest `Cargo.toml`, where that is one.
    pub(super) fn here(&self) -> Option<&Package> {
        let same = |path: &Path| path == self.manifest || path.canonicalize().ok() == self.manifest.canonicalize().ok();
        self.packages.iter().find(|package| same(&package.manifest_path))
    }

    pub(super) fn packages(&self) -> &[Package] {
        &self.packages
    }

    fn names(&self) -> String {
        if self.packages.is_empty() {
            return "no member".to_owned();
        }
        self.packages.iter().map(|package| package.name.as_str()).collect::<Vec<_>>().join(", ")
    }
}

impl Package {
    pub(super) fn manifest(&self) -> &Path {
        &self.manifest_path
    }

    /// Its folder.
    pub(super) fn root(&self) -> &Path {
        self.manifest_path.parent().unwrap_or(Path::new(""))
    }

    /// The target that others can import, if it has one.
    pub(super) fn library(&self) -> Option<&Target> {
        self.targets.iter().find(|target| target.is_library())
    }

    /// The programs of it.
    pub(super) fn binaries(&self) -> impl Iterator<Item = &Target> {
        self.targets.iter().filter(|target| target.kind.iter().any(|kind| kind == "bin"))
    }

    /// The binary of its jobs, by `[package.metadata.queue] bin`.
    pub(super) fn named_binary(&self) -> Option<&str> {
        self.metadata.get("queue")?.get("bin")?.as_str()
    }

    /// The features of a dependency, if it has that.
    pub(super) fn features(&self, name: &str) -> Option<&[String]> {
        self.dependencies.iter().find(|dependency| dependency.name == name).map(|dependency| dependency.features.as_slice())
    }

    /// The names by which its code may call its dependencies.
    pub(super) fn crates(&self) -> impl Iterator<Item = String> {
        let name = |dependency: &Dependency| dependency.rename.as_ref().unwrap_or(&dependency.name).replace('-', "_");
        self.dependencies.iter().map(name)
    }
}

impl Target {
    fn is_library(&self) -> bool {
        self.kind.iter().any(|kind| kind.ends_with("lib") || kind == "proc-macro")
    }

    /// Whether the other targets of the package can link it.
    pub(super) fn is_linkable(&self) -> bool {
        self.kind.iter().any(|kind| ["lib", "rlib", "dylib"].contains(&kind.as_str()))
    }

    /// What code calls it.
    pub(super) fn crate_name(&self) -> String {
        self.name.replace('-', "_")
    }
}
