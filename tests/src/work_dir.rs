//! The directory in which a program of this crate works: one that is kept, or one that goes with it.

use std::io;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// A directory that is removed when this is dropped, unless it is to be kept.
pub struct WorkDir {
    path: PathBuf,
    _temporary: Option<TempDir>,
}

impl WorkDir {
    /// Makes the directory `keep`, which must not exist; without it, a temporary one whose name begins with `prefix`.
    ///
    /// # Errors
    /// The directory cannot be made.
    pub fn new(prefix: &str, keep: Option<&Path>) -> io::Result<Self> {
        match keep {
            Some(dir) => {
                std::fs::create_dir(dir).map_err(|error| {
                    io::Error::new(
                        error.kind(),
                        format!("failed to create {}: {error}", dir.display()),
                    )
                })?;
                Ok(Self {
                    path: dir.canonicalize()?,
                    _temporary: None,
                })
            }
            None => {
                let temporary = tempfile::Builder::new().prefix(prefix).tempdir()?;
                Ok(Self {
                    path: temporary.path().to_owned(),
                    _temporary: Some(temporary),
                })
            }
        }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }
}
