//! One file of the spool: appends records, reads frames, and knows when all of them are released.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::SpoolError;
use super::record::{
    self, ENTRY_BYTES, HEADER_BYTES, IndexEntry, MAGIC, MAGIC_NAME_BYTES, OLDEST_VERSION,
};
use crate::files;

pub(super) const EXTENSION: &str = "segment";

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
    /// So many of its bytes are on the disk for certain.
    synced: AtomicU64,
}

impl Segment {
    pub(super) fn create(dir: &Path, number: u32) -> Result<Self, SpoolError> {
        let path = dir.join(format!("{number:08}.{EXTENSION}"));
        let io = |source| SpoolError::Io {
            doing: "create",
            path: path.clone(),
            source,
        };
        let file = files::create_private_file(&path).map_err(io)?;
        file.write_all_at(&MAGIC, 0).map_err(io)?;
        Ok(Self {
            number,
            path,
            file,
            bytes: AtomicU64::new(MAGIC.len() as u64),
            written: AtomicU64::new(0),
            released: AtomicU64::new(0),
            written_bytes: AtomicU64::new(0),
            released_bytes: AtomicU64::new(0),
            sealed: AtomicBool::new(false),
            removed: AtomicBool::new(false),
            synced: AtomicU64::new(0),
        })
    }

    /// A segment that an earlier run left, and what its index has of each frame, with the position of its entry. Of
    /// frames that are damaged, only their number is known.
    pub(super) fn reopen(path: &Path, number: u32) -> Result<LeftSegment, SpoolError> {
        let io = |source| SpoolError::Io {
            doing: "read",
            path: path.to_owned(),
            source,
        };
        let file = File::open(path).map_err(io)?;
        let len = file.metadata().map_err(io)?.len();
        let mut magic = MAGIC;
        if len < magic.len() as u64 {
            // The process was killed when it had just made the file.
            magic = [0; MAGIC.len()];
        } else {
            file.read_exact_at(&mut magic, 0).map_err(io)?;
            let is_ours = magic[..MAGIC_NAME_BYTES] == MAGIC[..MAGIC_NAME_BYTES];
            let versions = OLDEST_VERSION..=MAGIC[MAGIC_NAME_BYTES];
            if !is_ours || !versions.contains(&magic[MAGIC_NAME_BYTES]) {
                let path = path.to_owned();
                return Err(match is_ours {
                    true => SpoolError::Format { path },
                    false => SpoolError::Damaged { path },
                });
            }
        }
        let mut at = magic.len() as u64;
        let mut left = LeftSegment {
            segment: Self {
                number,
                path: path.to_owned(),
                file,
                bytes: AtomicU64::new(len),
                written: AtomicU64::new(0),
                released: AtomicU64::new(0),
                written_bytes: AtomicU64::new(0),
                released_bytes: AtomicU64::new(0),
                sealed: AtomicBool::new(true),
                removed: AtomicBool::new(false),
                synced: AtomicU64::new(0),
            },
            entries: Vec::new(),
            damaged: 0,
            cut_off_bytes: 0,
        };
        while at < len {
            let Some(next) = left.read_record(at, len).map_err(io)? else {
                left.cut_off_bytes = len - at;
                break;
            };
            at = next;
        }
        Ok(left)
    }

    /// So many frames are kept, and about so many bytes: it is removed when all of them are released.
    pub(super) fn keep(&self, rows: u64, about_bytes: u64) {
        self.written.store(rows, Ordering::Release);
        self.written_bytes.store(about_bytes, Ordering::Release);
    }

    pub(super) fn number(&self) -> u32 {
        self.number
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether it has no record.
    pub(super) fn is_empty(&self) -> bool {
        self.bytes() <= MAGIC.len() as u64
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Writes a record at the end; only the segment's one writer does. `head` is its header and index; `about_bytes` is
    /// the sum of `frame_bytes` of the references to its frames.
    pub(super) fn append(
        &self,
        head: &[u8],
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
        self.file.write_all_at(head, at).map_err(io)?;
        self.file
            .write_all_at(frames, at + head.len() as u64)
            .map_err(io)?;
        // Counted before anybody can release them: the references are handed out afterwards.
        self.written_bytes.fetch_add(about_bytes, Ordering::AcqRel);
        self.written.fetch_add(rows, Ordering::AcqRel);
        self.bytes
            .fetch_add((head.len() + frames.len()) as u64, Ordering::Relaxed);
        Ok(())
    }

    /// What the index has of a frame, which is read into `frame`.
    pub(super) fn read(
        &self,
        entry_at: u64,
        frame: &mut Vec<u8>,
    ) -> Result<IndexEntry, SpoolError> {
        let io = |source| SpoolError::Io {
            doing: "read",
            path: self.path.clone(),
            source,
        };
        let mut entry = [0; ENTRY_BYTES];
        self.file.read_exact_at(&mut entry, entry_at).map_err(io)?;
        let entry = IndexEntry::read(&entry);
        frame.clear();
        frame.resize(entry.len as usize, 0);
        self.file
            .read_exact_at(frame, u64::from(entry.offset))
            .map_err(io)?;
        Ok(entry)
    }

    /// Brings all that was written so far to the disk.
    pub(super) fn sync(&self) -> Result<(), SpoolError> {
        let (written, synced) = (self.bytes(), self.synced.load(Ordering::Acquire));
        if written > synced {
            self.file.sync_data().map_err(|source| SpoolError::Io {
                doing: "bring to the disk",
                path: self.path.clone(),
                source,
            })?;
            self.synced.store(written, Ordering::Release);
        }
        Ok(())
    }

    /// Whether nothing of it is needed any more.
    pub(super) fn is_removed(&self) -> bool {
        self.removed.load(Ordering::Acquire)
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

/// A segment that an earlier run left.
pub(super) struct LeftSegment {
    pub segment: Segment,
    /// Each whole frame: the position of its index entry, and the entry.
    pub entries: Vec<(u32, IndexEntry)>,
    /// Frames whose bytes are not those that were written.
    pub damaged: u64,
    /// Bytes behind the last whole record.
    pub cut_off_bytes: u64,
}

impl LeftSegment {
    /// Reads the record at `at` of a file of `len` bytes, and gives the position behind it. None if it is not whole.
    fn read_record(&mut self, at: u64, len: u64) -> std::io::Result<Option<u64>> {
        let file = &self.segment.file;
        let index_at = at + HEADER_BYTES as u64;
        if index_at > len {
            return Ok(None);
        }
        let mut header = [0; HEADER_BYTES];
        file.read_exact_at(&mut header, at)?;
        let (rows, frames_bytes) = record::sizes(&header);
        let frames_at = index_at + u64::from(rows) * ENTRY_BYTES as u64;
        let end = frames_at + u64::from(frames_bytes);
        if rows == 0 || end > len {
            return Ok(None);
        }
        let mut index = vec![0; rows as usize * ENTRY_BYTES];
        file.read_exact_at(&mut index, index_at)?;
        if record::header(rows, frames_bytes, &index) != header {
            return Ok(None);
        }
        let mut frames = vec![0; frames_bytes as usize];
        file.read_exact_at(&mut frames, frames_at)?;
        let (entries, _) = index.as_chunks::<ENTRY_BYTES>();
        for (entry_at, entry) in (index_at..).step_by(ENTRY_BYTES).zip(entries) {
            let entry = IndexEntry::read(entry);
            let start = u64::from(entry.offset).checked_sub(frames_at);
            let frame = start.and_then(|start| {
                let start = usize::try_from(start).ok()?;
                frames.get(start..start.checked_add(entry.len as usize)?)
            });
            match frame {
                Some(frame) if crc32fast::hash(frame) == entry.checksum => {
                    self.entries.push((entry_at as u32, entry));
                }
                _ => self.damaged += 1,
            }
        }
        Ok(Some(end))
    }
}
