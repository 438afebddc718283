//! Where `queue` is taken from: the registry, or a checkout.

use std::path::{Component, Path, PathBuf};

use toml_edit::DocumentMut;

use super::failure::{Failure, Result};
use super::plan::{read, shown};

/// A checkout, as paths for the `Cargo.toml` of a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Checkout {
    pub(super) queue: String,
    pub(super) cli: String,
}

/// The folders that a path is read in and written for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Folders<'a> {
    pub(super) current: &'a Path,
    pub(super) package: &'a Path,
}

impl Checkout {
    /// Takes the root of a checkout, or its folder `queue`. A relative path becomes one from the package.
    ///
    /// # Errors
    ///
    /// Where there is no `queue` and `queue-cli`.
    pub(super) fn find(path: &Path, folders: Folders<'_>) -> Result<Self> {
        let is_queue = is_package(&folders.current.join(path), "queue")?;
        let (queue, cli) =
            if is_queue { (path.to_owned(), path.join("../queue-cli")) } else { (path.join("queue"), path.join("queue-cli")) };
        let (queue, cli) = (folders.current.join(queue), folders.current.join(cli));
        for (folder, name) in [(&queue, "queue"), (&cli, "queue-cli")] {
            if !is_package(folder, name)? {
                let (path, folder) = (path.display(), shown(folder));
                return Err(Failure::new(format!("--path {path} is no checkout of queue: {folder} holds no package {name}")));
            }
        }
        let resolve =
            |path: &Path| path.canonicalize().map_err(|error| Failure::new(format!("cannot find {}: {error}", shown(path))));
        let (queue, cli) = (resolve(&queue)?, resolve(&cli)?);
        if path.is_absolute() {
            return Ok(Self { queue: slashes(&queue), cli: slashes(&cli) });
        }
        let package = resolve(folders.package)?;
        Ok(Self { queue: slashes(&relative(&package, &queue)), cli: slashes(&relative(&package, &cli)) })
    }
}

/// Whether a folder holds the package of that name.
fn is_package(folder: &Path, name: &str) -> Result<bool> {
    let Some(text) = read(&folder.join("Cargo.toml"))? else { return Ok(false) };
    let Ok(manifest) = text.plain().parse::<DocumentMut>() else { return Ok(false) };
    Ok(manifest.get("package").and_then(|package| package.get("name")).and_then(|name| name.as_str()) == Some(name))
}

/// The way from one folder to another; both are resolved.
fn relative(from: &Path, to: &Path) -> PathBuf {
    let shared = from.components().zip(to.components()).take_while(|(from, to)| from == to).count();
    if shared == 0 {
        return to.to_owned();
    }
    let up = from.components().skip(shared).map(|_| Component::ParentDir);
    up.chain(to.components().skip(shared)).collect()
}

/// A path as every system reads it in a `Cargo.toml`.
fn slashes(path: &Path) -> String {
    let text = path.display().to_string();
    if cfg!(windows) { text.trim_start_matches(r"\\?\").replace('\\', "/") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_between_folders() {
        let way = |from: &str, to: &str| slashes(&relative(Path::new(from), Path::new(to)));
        assert_eq!(way("/a/app", "/a/queue/queue"), "../queue/queue");
        assert_eq!(way("/a", "/a/queue"), "queue");
        assert_eq!(way("/a/b/c", "/a"), "../..");
    }
}
