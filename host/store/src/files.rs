//! Directories and files that only their owner can read, whatever the umask.

use std::fs::{DirBuilder, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{
    DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _,
};
use std::path::Path;

use crate::error::StoreError;

const DIR_MODE: u32 = 0o700;
const FILE_MODE: u32 = 0o600;

/// Permissions that group and others may not have on a directory that is there already: whoever can write to it
/// can put other files in the place of Landfall's.
const OTHERS_WRITE: u32 = 0o022;

/// Bytes that this process may still write to the file system of the path.
///
/// # Errors
///
/// The system does not report it.
pub fn available_bytes(path: &Path) -> io::Result<u64> {
    let stat = rustix::fs::statvfs(path)?;
    Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
}

/// Creates the directory with its parents, private to its owner. One that is there stays as it is,
/// and is refused if it belongs to somebody else, or others can write to it.
pub(crate) fn private_dir(path: &Path) -> io::Result<()> {
    if !path.exists() {
        return DirBuilder::new()
            .recursive(true)
            .mode(DIR_MODE)
            .create(path);
    }
    let metadata = std::fs::metadata(path)?;
    if !metadata.is_dir() {
        return Err(io::Error::from(io::ErrorKind::NotADirectory));
    }
    // SAFETY: it takes nothing, touches no memory, and cannot fail.
    let own = unsafe { libc::geteuid() };
    if metadata.uid() != own {
        return Err(io::Error::other(format!(
            "it belongs to user {}, not to user {own} that this runs as",
            metadata.uid()
        )));
    }
    if metadata.mode() & OTHERS_WRITE != 0 {
        return Err(io::Error::other(format!(
            "others can write to it (mode {:03o}); take that away (chmod go-w), or name a directory of its own",
            metadata.mode() & 0o777
        )));
    }
    Ok(())
}

/// Refuses a directory that has other entries than those for whose names `own` is true.
pub(crate) fn only_own(path: &Path, own: impl Fn(&str) -> bool) -> io::Result<()> {
    for entry in std::fs::read_dir(path)? {
        let name = entry?.file_name();
        // The root of a file system has this directory.
        if name != "lost+found" && !name.to_str().is_some_and(&own) {
            return Err(io::Error::other(format!(
                "it holds other things ({}); name a directory of its own, new or empty",
                name.display()
            )));
        }
    }
    Ok(())
}

/// The identity of a directory and a file in it (device and inode): their names may lead to others by now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FileIdentity([(u64, u64); 2]);

impl FileIdentity {
    pub(crate) fn of(dir: &Path, path: &Path) -> io::Result<Self> {
        let identity =
            |path: &Path| std::fs::metadata(path).map(|metadata| (metadata.dev(), metadata.ino()));
        Ok(Self([identity(dir)?, identity(path)?]))
    }

    /// An error if `path` leads to another file, to none, or into another directory.
    pub(crate) fn check(self, path: &Path) -> Result<(), StoreError> {
        let now = path.parent().map(|dir| Self::of(dir, path));
        match now {
            Some(Ok(now)) if now == self => Ok(()),
            _ => Err(StoreError::Moved {
                path: path.to_owned(),
            }),
        }
    }
}

/// Creates a new file, or opens and empties an old one.
pub(crate) fn create_private_file(path: &Path) -> io::Result<File> {
    private_file(path, true)
}

/// Makes sure that a file is there and private, and leaves its content.
pub(crate) fn ensure_private_file(path: &Path) -> io::Result<File> {
    private_file(path, false)
}

fn private_file(path: &Path, truncate: bool) -> io::Result<File> {
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(truncate)
        .mode(FILE_MODE)
        .open(path)?;
    file.set_permissions(Permissions::from_mode(FILE_MODE))?;
    Ok(file)
}
