//! Where the programs of Postgres lie on this machine.

use std::path::{Path, PathBuf};

/// Where versions of Postgres lie side by side: a folder, how the names in it begin, and the way from there.
const PLACES: [(&str, &str, &str); 5] = [
    ("/usr/lib/postgresql", "", "bin"),
    ("/usr", "pgsql-", "bin"),
    ("/opt/homebrew/opt", "postgresql", "bin"),
    ("/usr/local/opt", "postgresql", "bin"),
    ("/home/linuxbrew/.linuxbrew/opt", "postgresql", "bin"),
];

/// The programs that make and run a server.
#[derive(Debug, Clone)]
pub(super) struct Binaries {
    pub(super) initdb: PathBuf,
    pub(super) postgres: PathBuf,
}

impl Binaries {
    /// Those on the `PATH`, else the newest that lie where packages put them.
    pub(super) fn find() -> Option<Self> {
        let on_path = on_path("initdb").and_then(|initdb| Self::of(initdb.canonicalize().ok()?.parent()?));
        on_path.or_else(|| Self::newest(Path::new("/")))
    }

    /// The newest below a root.
    fn newest(root: &Path) -> Option<Self> {
        let found = PLACES.iter().flat_map(|(folder, beginning, rest)| {
            let entries = std::fs::read_dir(root.join(folder.trim_start_matches('/'))).into_iter().flatten().flatten();
            entries.filter_map(move |entry| {
                let name = entry.file_name();
                let version = name.to_str()?.strip_prefix(beginning)?.trim_start_matches('@');
                let version: u32 = if version.is_empty() { 0 } else { version.split('.').next()?.parse().ok()? };
                Some((version, Self::of(&entry.path().join(rest))?))
            })
        });
        found.max_by_key(|(version, _)| *version).map(|(_, binaries)| binaries)
    }

    /// Those of one folder, where both are there.
    fn of(folder: &Path) -> Option<Self> {
        let found = Self { initdb: folder.join("initdb"), postgres: folder.join("postgres") };
        (found.initdb.is_file() && found.postgres.is_file()).then_some(found)
    }
}

/// The pooler, which packages put where only root looks.
pub(super) fn pgbouncer() -> Option<PathBuf> {
    let places = ["/usr/sbin", "/usr/local/sbin", "/opt/homebrew/bin"];
    on_path("pgbouncer").or_else(|| places.iter().map(|folder| Path::new(folder).join("pgbouncer")).find(|path| path.is_file()))
}

fn on_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|path| path.is_file())
}

#[cfg(test)]
mod tests {
    use super::Binaries;

    #[test]
    fn the_newest_is_taken_and_only_where_it_is_whole() {
        let root = tempfile::tempdir().unwrap();
        assert!(Binaries::newest(root.path()).is_none());
        for (folder, programs) in [
            ("usr/lib/postgresql/9.6/bin", &["initdb", "postgres"][..]),
            ("usr/lib/postgresql/15/bin", &["initdb", "postgres"]),
            ("usr/pgsql-16/bin", &["initdb", "postgres"]),
            ("usr/lib/postgresql/17/bin", &["psql"]),
            ("usr/lib/postgresql/other/bin", &["initdb", "postgres"]),
        ] {
            let folder = root.path().join(folder);
            std::fs::create_dir_all(&folder).unwrap();
            programs.iter().for_each(|program| std::fs::write(folder.join(program), "").unwrap());
        }
        assert_eq!(Binaries::newest(root.path()).unwrap().postgres, root.path().join("usr/pgsql-16/bin/postgres"));
    }
}
