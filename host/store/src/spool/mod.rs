//! Raw frames on disk until their events are settled. Memory holds 8 bytes for each.
//!
//! A segment is a file of records, one per batch: an index of 16 bytes a frame (offset and length
//! as little-endian u32, its place in the order of its source as u64), then the frames as they came. Each writer fills a segment of its own, so
//! writers share no lock per event. A sealed segment goes when its last frame is released.
//!
//! The bytes of a segment that is still being filled do not come back, so open segments are kept
//! small: all of them together hold less than half of what the spool may. A writer that lacks room
//! seals its own, and modest writers leave half of the spool to the others. So whoever waits for
//! room gets it as soon as events settle, whatever the other writers do.
//!
//! What a run leaves behind is removed at the next start: the ledger's memory is gone with it.

mod segment;
mod writer;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub use segment::ENTRY_BYTES;
use segment::Segment;
pub use writer::SpoolWriter;

use crate::files;

/// Bits of a reference below the segment's number: the place of the frame's index entry in its file.
pub const SEGMENT_SHIFT: u32 = 40;

/// Segments are numbered with 24 bits, and numbers are used again.
const SEGMENTS: u32 = 1 << 24;

/// A segment is sealed when it has this many bytes at the latest: few files, and space comes back soon.
pub const SEGMENT_BYTES: u64 = 64 << 20;

/// A batch may take this part of the spool at most, or it could wait for ever beside open segments
/// and what modest writers hold.
pub const BATCHES_MIN: u64 = 4;

/// Why a frame could not be put down or read back.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    #[error(
        "the spool {dir} is full: {bytes} of {bytes_max} bytes wait for their events to settle; \
         raise store.spool_bytes_max or see why nothing settles"
    )]
    Full {
        dir: PathBuf,
        bytes: u64,
        bytes_max: u64,
    },
    #[error("failed to {doing} {path}: {source}; check the disk's space and permissions")]
    Io {
        doing: &'static str,
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("no frame is kept at {reference:#018x}; its segment is gone")]
    Gone { reference: u64 },
    #[error("a batch of {bytes} bytes does not fit in a segment")]
    TooLarge { bytes: u64 },
    #[error(
        "{bytes_max} bytes are too little for a spool that takes batches of {batch_bytes}: \
         set store.spool_bytes_max to {BATCHES_MIN} times as much at least, or make judge.batch_bytes_max \
         and streams.*.frame_bytes_max smaller"
    )]
    TooSmall { bytes_max: u64, batch_bytes: u64 },
}

/// All segments of a directory.
pub struct Spool {
    dir: PathBuf,
    bytes_max: u64,
    segment_bytes: u64,
    bytes: AtomicU64,
    segments: Mutex<Segments>,
}

struct Segments {
    live: HashMap<u32, Arc<Segment>>,
    next: u32,
}

impl Spool {
    /// Opens the directory (private to its owner) and removes what an earlier run left there.
    /// `writers` is how many there will be, `batch_bytes` the largest batch.
    pub fn open(
        dir: &Path,
        bytes_max: u64,
        writers: usize,
        batch_bytes: u64,
    ) -> Result<Arc<Self>, SpoolError> {
        if batch_bytes > bytes_max / BATCHES_MIN {
            return Err(SpoolError::TooSmall {
                bytes_max,
                batch_bytes,
            });
        }
        let io = |doing, source| SpoolError::Io {
            doing,
            path: dir.to_owned(),
            source,
        };
        files::private_dir(dir).map_err(|source| io("create", source))?;
        for entry in std::fs::read_dir(dir).map_err(|source| io("list", source))? {
            let path = entry.map_err(|source| io("list", source))?.path();
            if path
                .extension()
                .is_some_and(|extension| extension == segment::EXTENSION)
            {
                std::fs::remove_file(&path).map_err(|source| SpoolError::Io {
                    doing: "remove",
                    path: path.clone(),
                    source,
                })?;
            }
        }
        Ok(Arc::new(Self {
            dir: dir.to_owned(),
            bytes_max,
            // Together less than half of the spool.
            segment_bytes: (bytes_max / 2 / writers.max(1) as u64).min(SEGMENT_BYTES),
            bytes: AtomicU64::new(0),
            segments: Mutex::new(Segments {
                live: HashMap::new(),
                next: 0,
            }),
        }))
    }

    /// A writer with segments of its own.
    pub fn writer(self: &Arc<Self>) -> SpoolWriter {
        SpoolWriter::new(Arc::clone(self), self.bytes_max)
    }

    /// A writer that leaves half of the spool to the others: for frames that are good to have.
    pub fn modest_writer(self: &Arc<Self>) -> SpoolWriter {
        SpoolWriter::new(Arc::clone(self), self.bytes_max / 2)
    }

    /// Bytes on disk.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Segments on disk.
    pub fn segments(&self) -> usize {
        self.lock().live.len()
    }

    /// Reads the frame at `reference` into `frame`, which is cleared first; gives its place.
    pub fn read(&self, reference: u64, frame: &mut Vec<u8>) -> Result<u64, SpoolError> {
        let number = (reference >> SEGMENT_SHIFT) as u32;
        let segment = self.lock().live.get(&number).cloned();
        let Some(segment) = segment else {
            return Err(SpoolError::Gone { reference });
        };
        segment.read(reference & ((1 << SEGMENT_SHIFT) - 1), frame)
    }

    /// Says that `rows` frames of a segment are no longer needed.
    pub fn released(&self, number: u32, rows: u32) {
        let segment = self.lock().live.get(&number).cloned();
        if let Some(segment) = segment
            && segment.release(u64::from(rows))
        {
            self.remove(&segment);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Segments> {
        self.segments.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn check_room(&self, more: u64, bytes_max: u64) -> Result<(), SpoolError> {
        let bytes = self.bytes();
        if bytes.saturating_add(more) > bytes_max {
            return Err(SpoolError::Full {
                dir: self.dir.clone(),
                bytes,
                bytes_max: self.bytes_max,
            });
        }
        Ok(())
    }

    fn add_segment(&self) -> Result<Arc<Segment>, SpoolError> {
        let mut segments = self.lock();
        while segments.live.contains_key(&segments.next) {
            segments.next = (segments.next + 1) % SEGMENTS;
        }
        let number = segments.next;
        segments.next = (number + 1) % SEGMENTS;
        let segment = Arc::new(Segment::create(&self.dir, number)?);
        segments.live.insert(number, Arc::clone(&segment));
        Ok(segment)
    }

    fn seal(&self, segment: &Arc<Segment>) {
        if segment.seal() {
            self.remove(segment);
        }
    }

    fn remove(&self, segment: &Arc<Segment>) {
        if self.lock().live.remove(&segment.number()).is_some() {
            self.bytes.fetch_sub(segment.bytes(), Ordering::Relaxed);
            // A file that cannot be removed is left for the next start, which removes it.
            let _ = std::fs::remove_file(segment.path());
        }
    }
}

#[cfg(test)]
mod tests;
