//! One file of the spool: appends records, reads frames, and knows when all of them are released.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::SpoolError;
use crate::files;

pub(super) const EXTENSION: &str = "spool";

/// Bytes of an index entry: offset and length of a frame, and its place in the order of its source.
pub const ENTRY_BYTES: usize = 16;

pub(super) struct Segment {
    number: u32,
    path: PathBuf,
    file: File,
    bytes: AtomicU64,
    written: AtomicU64,
    released: AtomicU64,
    /// About how many bytes those frames take: the sum of `frame_bytes` of their references.
    written_bytes: AtomicU64,
    released_bytes: AtomicU64,
    sealed: AtomicBool,
    removed: AtomicBool,
}

impl Segment {
    pub(super) fn create(dir: &Path, number: u32) -> Result<Self, SpoolError> {
        let path = dir.join(format!("{number:08}.{EXTENSION}"));
        let file = files::create_private_file(&path).map_err(|source| SpoolError::Io {
            doing: "create",
            path: path.clone(),
            source,
        })?;
        Ok(Self {
            number,
            path,
            file,
            bytes: AtomicU64::new(0),
            written: AtomicU64::new(0),
            released: AtomicU64::new(0),
            written_bytes: AtomicU64::new(0),
            released_bytes: AtomicU64::new(0),
            sealed: AtomicBool::new(false),
            removed: AtomicBool::new(false),
        })
    }

    pub(super) fn number(&self) -> u32 {
        self.number
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Writes a record at the end; only the segment's one writer does. `about_bytes` is the sum of `frame_bytes` of the
    /// references to its frames.
    pub(super) fn append(
        &self,
        index: &[u8],
        frames: &[u8],
        rows: u64,
        about_bytes: u64,
    ) -> Result<(), SpoolError> {
        let at = self.bytes();
        let io = |source| SpoolError::Io {
            doing: "write to",
            path: self.path.clone(),
            source,
        };
        self.file.write_all_at(index, at).map_err(io)?;
        self.file
            .write_all_at(frames, at + index.len() as u64)
            .map_err(io)?;
        // Counted before anybody can release them: the references are handed out afterwards.
        self.written_bytes.fetch_add(about_bytes, Ordering::AcqRel);
        self.written.fetch_add(rows, Ordering::AcqRel);
        self.bytes
            .fetch_add((index.len() + frames.len()) as u64, Ordering::Relaxed);
        Ok(())
    }

    /// The frame of an index entry, and its place.
    pub(super) fn read(&self, entry_at: u64, frame: &mut Vec<u8>) -> Result<u64, SpoolError> {
        let io = |source| SpoolError::Io {
            doing: "read",
            path: self.path.clone(),
            source,
        };
        let mut entry = [0; ENTRY_BYTES];
        self.file.read_exact_at(&mut entry, entry_at).map_err(io)?;
        let [o0, o1, o2, o3, l0, l1, l2, l3, place @ ..] = entry;
        let offset = u32::from_le_bytes([o0, o1, o2, o3]);
        let len = u32::from_le_bytes([l0, l1, l2, l3]);
        frame.clear();
        frame.resize(len as usize, 0);
        self.file
            .read_exact_at(frame, u64::from(offset))
            .map_err(io)?;
        Ok(u64::from_le_bytes(place))
    }

    /// True if that was the last frame of a sealed segment, which can be removed. True only once.
    pub(super) fn release(&self, rows: u64, about_bytes: u64) -> bool {
        self.released_bytes.fetch_add(about_bytes, Ordering::AcqRel);
        self.released.fetch_add(rows, Ordering::AcqRel);
        self.is_done()
    }

    /// Nothing more will be written. True if all frames have been released already.
    pub(super) fn seal(&self) -> bool {
        self.sealed.store(true, Ordering::Release);
        self.is_done()
    }

    /// About how many bytes the frames take that still wait, if the segment is sealed and they are no more than so many
    /// percent of it.
    pub(super) fn waiting_bytes(&self, percent: u64) -> Option<u64> {
        if !self.sealed.load(Ordering::Acquire) {
            return None;
        }
        let written = self.written_bytes.load(Ordering::Acquire).max(1);
        let waiting = written.saturating_sub(self.released_bytes.load(Ordering::Acquire));
        let is_sparse = waiting.saturating_mul(100) <= written.saturating_mul(percent);
        let bytes = u128::from(self.bytes()) * u128::from(waiting) / u128::from(written);
        is_sparse.then_some(bytes as u64)
    }

    fn is_done(&self) -> bool {
        self.sealed.load(Ordering::Acquire)
            && self.released.load(Ordering::Acquire) >= self.written.load(Ordering::Acquire)
            && !self.removed.swap(true, Ordering::AcqRel)
    }
}
