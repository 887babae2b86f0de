//! Frames on disk until their events and rows are settled. Memory holds 8 bytes for each.
//!
//! A segment is a file of records, one per batch (`record.rs` has the format). Each writer fills a segment of its own,
//! so writers share no lock per event. A sealed segment is removed when its last frame is released.
//!
//! A few frames that wait for long would keep the segments of many that have settled. So whoever has the references
//! may move frames out of segments in which few still wait (`sparse_segments`): copy them with a `moving_writer`,
//! and release them where they were. A part of the spool is reserved for that.
//!
//! The bytes of a segment that is still being filled cannot be reclaimed, so open segments are kept small: all of
//! them together hold less than half of what the spool may. A writer that lacks room seals its own segment, and
//! modest writers leave half of the spool to the others. So a writer that waits for room gets it as soon as events
//! settle, whatever the other writers do.
//!
//! What a run leaves behind is given back by [`Spool::reopen`]: the frames of events and rows that were not settled. The
//! caller knows which frames were settled, and the spool does not.

mod inspect;
mod left;
mod record;
mod reference;
mod segment;
mod sync;
mod writer;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

pub use inspect::{FileState, SpoolFile, inspect};
pub use left::{LeftFrame, LeftFrames};
pub use record::{ENTRY_BYTES, FrameKind};
use record::{IndexEntry, MAGIC};
use reference::Reference;
pub use reference::{SEGMENT_SHIFT, entry_at, frame_bytes};
use segment::Segment;
pub use sync::sync_store_log;
pub use writer::{SpoolWriter, SpooledFrames};

use crate::files;

/// How many numbers of segments there are (24 bits); they are used again.
const SEGMENTS: u32 = 1 << 24;

/// A segment is sealed at the latest when it has this many bytes: few files, and space is reclaimed soon.
pub const SEGMENT_BYTES: u64 = 64 << 20;

/// A batch may take one part in so many of the spool at most. A larger one could wait for ever beside open segments
/// and what modest writers hold.
pub const BATCHES_MIN: u64 = 4;

/// One part in so many of the spool is reserved for frames that are moved. Beside open segments and a batch there is
/// as much room left.
const RESERVED_FOR_MOVING: u64 = 8;

/// Which segments are sparse, by how full the spool is. A pair is the percentage of the spool that is filled, and the
/// most percent of a segment's bytes that may still wait. The fuller the spool is, the more is worth a copy; a frame
/// that waits for ever is copied a number of times that grows with the logarithm of what passes.
const SPARSE: [(u64, u64); 3] = [(75, 87), (50, 50), (25, 25)];

/// Why a frame could not be written or read back.
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
    #[error(
        "{path} was made by a later version of Landfall, and this program cannot read it: use that version, or move the \
         file away (the events in it then stay pending in their windows)"
    )]
    Format { path: PathBuf },
    #[error("{path} is no file of frames; the disk may have lost its content")]
    Damaged { path: PathBuf },
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

/// The spool: all segments of a directory.
pub struct Spool {
    dir: PathBuf,
    bytes_max: u64,
    segment_bytes: u64,
    bytes: AtomicU64,
    segments: Mutex<Segments>,
    /// Called when a sync would give room back. Unset: files are removed at once, without a sync.
    sync_wanted: OnceLock<Box<dyn Fn() + Send + Sync>>,
    /// Files were made or removed since the directory was brought to the disk.
    dir_changed: AtomicBool,
}

#[derive(Default)]
struct Segments {
    live: HashMap<u32, Arc<Segment>>,
    next: u32,
    /// Those that were removed since the last call of `take_removed`.
    removed: Vec<u32>,
    /// Those whose files are removed by the next sync. They are live until then.
    obsolete: Vec<Arc<Segment>>,
    /// Of these, those whose files were removed, and may come back until the directory is on the disk.
    unlinked: Vec<u32>,
}

impl Spool {
    /// Opens the directory (private to its owner) for at most `bytes_max` bytes, and removes what an earlier run left
    /// there. `writers` is how many there will be, `batch_bytes` the largest batch.
    ///
    /// # Errors
    ///
    /// If the spool is too small for such batches, or the directory cannot be used.
    pub fn open(
        dir: &Path,
        bytes_max: u64,
        writers: usize,
        batch_bytes: u64,
    ) -> Result<Arc<Self>, SpoolError> {
        let spool = Self::new(dir, bytes_max, writers, batch_bytes)?;
        left::remove_files(dir, &[left::OLD_EXTENSION, segment::EXTENSION])?;
        Ok(Arc::new(spool))
    }

    /// Opens the directory like [`Spool::open`], and keeps of what an earlier run left the frames that are not settled, of
    /// events and of rows. `is_settled` says so of a frame: the number of its segment, and the position of its index entry.
    ///
    /// # Errors
    ///
    /// If the spool is too small for such batches, the directory cannot be used, or a file in it is of another version.
    pub fn reopen(
        dir: &Path,
        bytes_max: u64,
        writers: usize,
        batch_bytes: u64,
        is_settled: &dyn Fn(u32, u32) -> bool,
    ) -> Result<(Arc<Self>, LeftFrames), SpoolError> {
        let spool = Self::new(dir, bytes_max, writers, batch_bytes)?;
        let mut left = LeftFrames {
            of_old_format: left::remove_files(dir, &[left::OLD_EXTENSION])?,
            ..LeftFrames::default()
        };
        let mut segments = left::read(dir, is_settled, &mut left)?;
        let bytes = segments.values().map(|segment| segment.bytes()).sum();
        spool.bytes.store(bytes, Ordering::Relaxed);
        {
            let mut known = spool.lock();
            known.next = segments
                .keys()
                .max()
                .map_or(0, |last| (last + 1) % SEGMENTS);
            known.live = segments
                .drain()
                .map(|(number, segment)| (number, Arc::new(segment)))
                .collect();
        }
        Ok((Arc::new(spool), left))
    }

    fn new(
        dir: &Path,
        bytes_max: u64,
        writers: usize,
        batch_bytes: u64,
    ) -> Result<Self, SpoolError> {
        if batch_bytes > bytes_max / BATCHES_MIN {
            return Err(SpoolError::TooSmall {
                bytes_max,
                batch_bytes,
            });
        }
        files::private_dir(dir).map_err(|source| SpoolError::Io {
            doing: "create",
            path: dir.to_owned(),
            source,
        })?;
        Ok(Self {
            dir: dir.to_owned(),
            bytes_max,
            // Together less than half of the spool.
            segment_bytes: (bytes_max / 2 / writers.max(1) as u64).min(SEGMENT_BYTES),
            bytes: AtomicU64::new(0),
            segments: Mutex::new(Segments::default()),
            sync_wanted: OnceLock::new(),
            dir_changed: AtomicBool::new(false),
        })
    }

    /// A writer with segments of its own.
    pub fn writer(self: &Arc<Self>) -> SpoolWriter {
        let bytes_max = self.bytes_max - self.bytes_max / RESERVED_FOR_MOVING;
        SpoolWriter::new(Arc::clone(self), bytes_max)
    }

    /// A writer for frames that are moved: it may use the whole spool.
    pub fn moving_writer(self: &Arc<Self>) -> SpoolWriter {
        SpoolWriter::moving(Arc::clone(self), self.bytes_max)
    }

    /// A writer that leaves half of the spool to the others: for frames that are useful, but not needed.
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

    /// Whether it is so full that frames are worth moving.
    pub fn wants_room(&self) -> bool {
        self.sparse_percent().is_some()
    }

    /// The most percent of a sparse segment's bytes that still wait; None if the spool is not full enough.
    fn sparse_percent(&self) -> Option<u64> {
        let bytes = u128::from(self.bytes());
        let part = |percent: u64| u128::from(self.bytes_max) * u128::from(percent) / 100;
        SPARSE
            .into_iter()
            .find(|&(filled, _)| bytes > part(filled))
            .map(|(_, live)| live)
    }

    /// The numbers of sealed segments of whose bytes few still wait, ascending. Those are chosen first from which
    /// least is to be moved, as long as all that is to be moved has room in the rest of the spool.
    pub fn sparse_segments(&self) -> Vec<u32> {
        let Some(percent) = self.sparse_percent() else {
            return Vec::new();
        };
        let segments = self.lock();
        let mut sparse: Vec<_> = segments
            .live
            .values()
            .filter(|segment| !segment.is_removed())
            .filter_map(|segment| Some((segment.waiting_bytes(percent)?, segment.number())))
            .collect();
        drop(segments);
        sparse.sort_unstable();
        let mut room = self.bytes_max.saturating_sub(self.bytes());
        let fits = |&(bytes, _): &(u64, u32)| {
            let fits = bytes <= room;
            room = room.saturating_sub(bytes);
            fits
        };
        let mut numbers: Vec<u32> = sparse
            .into_iter()
            .take_while(fits)
            .map(|(_, number)| number)
            .collect();
        numbers.sort_unstable();
        numbers
    }

    /// Reads the frame at `reference` into `frame`, which is cleared first. Gives its place in the order of its
    /// source.
    ///
    /// # Errors
    ///
    /// If the segment is gone, or cannot be read.
    pub fn read(&self, reference: u64, frame: &mut Vec<u8>) -> Result<u64, SpoolError> {
        Ok(self.read_entry(reference, frame)?.place)
    }

    fn read_entry(&self, reference: u64, frame: &mut Vec<u8>) -> Result<IndexEntry, SpoolError> {
        let frame_at = Reference(reference);
        let segment = self.lock().live.get(&frame_at.segment()).cloned();
        let Some(segment) = segment else {
            return Err(SpoolError::Gone { reference });
        };
        segment.read(frame_at.entry_at(), frame)
    }

    /// Releases a frame, which is no longer needed.
    pub fn release(&self, reference: u64) {
        let reference = Reference(reference);
        self.released(reference.segment(), 1, reference.bytes());
    }

    /// Releases `rows` frames of a segment. `bytes` is the sum of `frame_bytes` of their references.
    pub fn released(&self, number: u32, rows: u32, bytes: u64) {
        let segment = self.lock().live.get(&number).cloned();
        if let Some(segment) = segment
            && segment.release(u64::from(rows), bytes)
        {
            self.remove(&segment);
        }
    }

    /// The numbers of all segments on disk.
    pub fn live_segments(&self) -> Vec<u32> {
        self.lock().live.keys().copied().collect()
    }

    /// The numbers of the segments that were removed since the last call: what is known of their frames is no longer
    /// needed.
    pub fn take_removed(&self) -> Vec<u32> {
        std::mem::take(&mut self.lock().removed)
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
        self.dir_changed.store(true, Ordering::Release);
        segments.live.insert(number, Arc::clone(&segment));
        self.bytes.fetch_add(MAGIC.len() as u64, Ordering::Relaxed);
        Ok(segment)
    }

    fn seal(&self, segment: &Arc<Segment>) {
        if segment.seal() {
            self.remove(segment);
        }
    }

    fn remove(&self, segment: &Arc<Segment>) {
        let mut segments = self.lock();
        if self.sync_wanted.get().is_some() {
            segments.obsolete.push(Arc::clone(segment));
            return;
        }
        let was_there = segments.live.remove(&segment.number()).is_some();
        segments
            .removed
            .extend(was_there.then_some(segment.number()));
        drop(segments);
        if was_there {
            self.bytes.fetch_sub(segment.bytes(), Ordering::Relaxed);
            // A file that cannot be removed is left for the next start.
            let _ = std::fs::remove_file(segment.path());
        }
    }
}

#[cfg(test)]
mod left_tests;
#[cfg(test)]
mod tests;
