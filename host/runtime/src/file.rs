//! The file of a check: read whole, with its digest. Knows nothing of what is in it.

use std::fs::OpenOptions;
use std::io::Read as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::Arc;

use rustix::fs::OFlags;
use sha2::{Digest as _, Sha256};

use crate::error::LoadError;
use crate::limits::FILE_BYTES_MAX;

/// SHA-256 of the file as it was read.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest(pub [u8; 32]);

impl std::fmt::Display for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("sha256:")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl std::fmt::Debug for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

/// A file of a check as it was read.
#[derive(Clone, Debug)]
pub struct CheckFile {
    pub digest: Digest,
    pub(crate) wasm: Arc<[u8]>,
}

impl CheckFile {
    /// Reads a regular file of bounded size.
    ///
    /// # Errors
    ///
    /// If it cannot be read, is no regular file, or is too large.
    pub fn read(path: &Path) -> Result<Self, LoadError> {
        // If it has become a FIFO, opening it must not wait for a writer.
        let flags = i32::try_from(OFlags::NONBLOCK.bits()).unwrap_or(0);
        let file = OpenOptions::new()
            .read(true)
            .custom_flags(flags)
            .open(path)?;
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(std::io::Error::other("it is no regular file").into());
        }
        // One that grows while it is read is read no further than that.
        let mut bytes = Vec::new();
        file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > FILE_BYTES_MAX {
            let bytes = metadata.len().max(FILE_BYTES_MAX + 1);
            return Err(LoadError::TooLarge { bytes });
        }
        Ok(Self {
            digest: Digest(Sha256::digest(&bytes).into()),
            wasm: bytes.into(),
        })
    }
}
