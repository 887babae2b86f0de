//! The socket's path, however long the path of the store's directory is: the system takes 107 bytes.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd as _;
use std::path::{Path, PathBuf};

use super::SOCKET_NAME;

/// A path by which the socket can be bound or connected to, as long as this lives.
pub(super) struct SocketPath {
    path: PathBuf,
    _directory: File,
}

impl SocketPath {
    /// By the directory's descriptor, which is short.
    pub fn in_directory(directory: &Path) -> io::Result<Self> {
        let directory = File::open(directory)?;
        let path = format!("/proc/self/fd/{}/{SOCKET_NAME}", directory.as_raw_fd());
        Ok(Self {
            path: path.into(),
            _directory: directory,
        })
    }

    pub fn as_path(&self) -> &Path {
        &self.path
    }
}
