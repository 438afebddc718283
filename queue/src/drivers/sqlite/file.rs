//! The file itself: which one it is, and whether it is still there.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::identity::Identity;
use crate::error::{Error, ErrorKind};

/// What the log beside a file looks like: each commit writes to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Log {
    size: u64,
    modified: SystemTime,
}

impl Log {
    /// Whether nobody has written to it for so long.
    pub(super) fn rests_for(&self, span: Duration) -> bool {
        self.modified.elapsed().is_ok_and(|rest| rest >= span)
    }
}

/// A file that was opened.
#[derive(Debug, Clone)]
pub(super) struct File {
    path: PathBuf,
    identity: Identity,
    /// The log beside it, from the first commit on. Who has the file open keeps it there, so it goes only by the hand of a stranger.
    log: PathBuf,
    logged: Arc<OnceLock<Identity>>,
}

impl File {
    /// The file that now lies at this path.
    pub(super) fn at(path: PathBuf) -> Result<Self, Error> {
        // From the root on, so that a program which changes its directory still finds it.
        let path = std::path::absolute(&path).unwrap_or(path);
        let identity = Identity::at(&path).map_err(|error| {
            Error::new(ErrorKind::Store, format!("the file `{}` cannot be looked at", path.display())).with_source(error)
        })?;
        let mut log = path.clone().into_os_string();
        log.push("-wal");
        Ok(Self { path, identity, log: log.into(), logged: Arc::default() })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn identity(&self) -> Identity {
        self.identity
    }

    /// The log beside the file; `None` when there is none, or the system says the time of a write too roughly or too late.
    pub(super) fn log(&self) -> Option<Log> {
        let metadata = std::fs::metadata(&self.log).ok()?;
        let modified = metadata.modified().ok()?;
        let is_fine = modified.duration_since(UNIX_EPOCH).is_ok_and(|since| since.subsec_nanos() % 1_000_000 != 0);
        (cfg!(unix) && is_fine).then_some(Log { size: metadata.len(), modified })
    }

    /// Remembers the log, which is there while there are commits of this handle.
    pub(super) fn note_log(&self) {
        if self.logged.get().is_none()
            && let Ok(identity) = Identity::at(&self.log)
        {
            let _ = self.logged.set(identity);
        }
    }

    /// Fails when another file lies at the path, or none: what is written now would go with the old one. The same for its log.
    pub(super) fn check(&self) -> Result<(), Error> {
        check(&self.path, self.identity)?;
        self.logged.get().map_or(Ok(()), |identity| check(&self.log, *identity))
    }
}

fn check(path: &Path, identity: Identity) -> Result<(), Error> {
    let what = match Identity::at(path) {
        Ok(found) if found == identity => return Ok(()),
        Ok(_) => "was replaced by another one",
        Err(_) => "is gone",
    };
    let text = format!(
        "the file `{}` {what} while it was open, so nothing is stored in it any more: put the old one back, or start again",
        path.display()
    );
    Err(Error::new(ErrorKind::Store, text))
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_log_that_is_written_to_looks_different_and_does_not_rest() {
        let path = std::env::temp_dir().join(format!("queue-file-{}.db", std::process::id()));
        std::fs::write(&path, "").unwrap();
        let file = File::at(path.clone()).unwrap();
        assert_eq!(file.log(), None, "there is none");

        let log = std::fs::File::create(&file.log).unwrap();
        let hour = Duration::from_secs(3600);
        let second = UNIX_EPOCH + Duration::from_secs(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs());
        let bit = Duration::from_micros(500);
        let looks = [second - hour, second - hour - bit, second + bit].map(|time| {
            log.set_modified(time).unwrap();
            file.log()
        });
        assert_eq!(looks[0], None, "a full second may be a rough time");
        assert_ne!(looks[1], looks[2]);
        assert!(looks[1].unwrap().rests_for(hour));
        assert!(!looks[2].unwrap().rests_for(hour));
        for path in [&path, &file.log] {
            std::fs::remove_file(path).unwrap();
        }
    }
}
