//! Which file lies at a path.

use std::io;
use std::path::Path;

/// What tells two files apart that had one path: device and inode on Unix. Elsewhere all files are the same, and a replaced one is not noticed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Identity(u64, u64);

impl Identity {
    /// That of the file at a path.
    ///
    /// Linux is not asked for more: where somebody asked for the time of the last write, the next write is noted to the nanosecond, and the
    /// sync that follows puts that on the disk, too (measured, Linux 6.18 with ext4: 210 µs a sync in place of 145).
    #[cfg(target_os = "linux")]
    pub(super) fn at(path: &Path) -> io::Result<Self> {
        use rustix::fs::{AtFlags, CWD, StatxFlags, statx};
        use rustix::io::Errno;
        match statx(CWD, path, AtFlags::empty(), StatxFlags::INO) {
            Ok(found) => Ok(Self((u64::from(found.stx_dev_major) << 32) | u64::from(found.stx_dev_minor), found.stx_ino)),
            // An old system, or a container that does not allow the question.
            Err(Errno::NOSYS | Errno::PERM) => Self::of_metadata(path),
            Err(error) => Err(error.into()),
        }
    }

    #[cfg(not(target_os = "linux"))]
    pub(super) fn at(path: &Path) -> io::Result<Self> {
        Self::of_metadata(path)
    }

    #[cfg(unix)]
    fn of_metadata(path: &Path) -> io::Result<Self> {
        use std::os::unix::fs::MetadataExt;
        let metadata = std::fs::metadata(path)?;
        Ok(Self(metadata.dev(), metadata.ino()))
    }

    #[cfg(not(unix))]
    fn of_metadata(path: &Path) -> io::Result<Self> {
        std::fs::metadata(path).map(|_| Self(0, 0))
    }
}
