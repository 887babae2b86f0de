//! Writes frames into the spool, for one thread.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::record::{self, ENTRY_BYTES, FrameKind, HEADER_BYTES, IndexEntry};
use super::reference::frame_bytes;
use super::segment::Segment;
use super::{SEGMENT_BYTES, Spool, SpoolError};

/// Frames that are written together.
#[derive(Clone, Copy, Debug)]
pub struct SpooledFrames<'a> {
    /// Frame `i` is `bytes[ends[i-1]..ends[i]]`.
    pub bytes: &'a [u8],
    pub ends: &'a [u32],
    /// The place of frame `i` in the order of its source is `first_place + i`.
    pub first_place: u64,
    /// When each came, in milliseconds since the epoch; 0 where it is not said.
    pub arrived_ms: &'a [i64],
    /// Of rows: the earliest instant at which each can have come. Else empty.
    pub earliest_ms: &'a [i64],
    /// The index of their source.
    pub source: u16,
    pub kind: FrameKind,
}

/// Writes batches, each with two writes. Owned by one thread.
pub struct SpoolWriter {
    spool: Arc<Spool>,
    /// Beyond so many bytes in the whole spool this writer writes nothing.
    bytes_max: u64,
    segment: Option<Arc<Segment>>,
    /// The header and index of the record in hand.
    head: Vec<u8>,
    /// Segments that it wrote to since [`SpoolWriter::sync`], for a writer that moves frames.
    unsynced: Option<Vec<Arc<Segment>>>,
}

impl SpoolWriter {
    pub(super) fn new(spool: Arc<Spool>, bytes_max: u64) -> Self {
        Self {
            spool,
            bytes_max,
            segment: None,
            head: Vec::new(),
            unsynced: None,
        }
    }

    /// A writer for frames that are moved.
    pub(super) fn moving(spool: Arc<Spool>, bytes_max: u64) -> Self {
        let mut writer = Self::new(spool, bytes_max);
        writer.unsynced = Some(Vec::new());
        writer
    }

    /// The spool that it writes to.
    pub fn spool(&self) -> &Arc<Spool> {
        &self.spool
    }

    /// Writes frames that are not restored after a restart: frame `i` is `bytes[ends[i-1]..ends[i]]`, and its place
    /// `first_place + i`. Otherwise as [`SpoolWriter::append_frames`].
    ///
    /// # Errors
    ///
    /// If there is no room, the batch is too large for a segment, or the file cannot be written.
    pub fn append(
        &mut self,
        bytes: &[u8],
        ends: &[u32],
        first_place: u64,
        references: &mut Vec<u64>,
    ) -> Result<(), SpoolError> {
        let frames = SpooledFrames {
            bytes,
            ends,
            first_place,
            arrived_ms: &[],
            earliest_ms: &[],
            source: 0,
            kind: FrameKind::HeldRow,
        };
        self.append_frames(&frames, references)
    }

    /// Writes a batch. Appends one reference per frame to `references`, or none if it fails; then nothing was written,
    /// and it can be tried again.
    ///
    /// # Errors
    ///
    /// If there is no room, the batch is too large for a segment, or the file cannot be written.
    pub fn append_frames(
        &mut self,
        frames: &SpooledFrames<'_>,
        references: &mut Vec<u64>,
    ) -> Result<(), SpoolError> {
        let entry = |row: usize| {
            let row_place = frames.first_place + row as u64;
            IndexEntry {
                offset: 0,
                len: 0,
                place: match frames.kind {
                    FrameKind::Row => frames.earliest_ms.get(row).map_or(0, |ms| *ms as u64),
                    FrameKind::Raw | FrameKind::HeldRow => row_place,
                },
                arrived_ms: frames.arrived_ms.get(row).copied().unwrap_or_default(),
                moved_from: 0,
                checksum: 0,
                source: frames.source,
                kind: frames.kind,
            }
        };
        let entries = (0..frames.ends.len()).map(entry);
        self.append_entries(frames.bytes, frames.ends, entries, references)
    }

    /// Copies a frame, with all that is known of it, and gives the reference to the copy. `frame` is scratch space.
    /// The former frame is to be released; after a restart only one of the two is restored.
    ///
    /// # Errors
    ///
    /// If the frame cannot be read, or there is no room, or the file cannot be written.
    pub fn copy(&mut self, reference: u64, frame: &mut Vec<u8>) -> Result<u64, SpoolError> {
        let entry = self.spool.read_entry(reference, frame)?;
        let end = u32::try_from(frame.len()).map_err(|_| SpoolError::TooLarge {
            bytes: frame.len() as u64,
        })?;
        let entry = IndexEntry {
            moved_from: reference,
            ..entry
        };
        let mut references = Vec::with_capacity(1);
        self.append_entries(frame, &[end], std::iter::once(entry), &mut references)?;
        references.pop().ok_or(SpoolError::Gone { reference })
    }

    /// Brings the frames that it moved to the disk, if the spool is to survive a power cut: then they may be given up
    /// where they were. Other writers have nothing to do here.
    ///
    /// # Errors
    ///
    /// If the disk fails. The next call tries it again.
    pub fn sync(&mut self) -> Result<(), SpoolError> {
        let Some(unsynced) = &mut self.unsynced else {
            return Ok(());
        };
        if self.spool.sync_wanted.get().is_some() {
            for segment in unsynced.iter() {
                segment.sync()?;
            }
            self.spool.sync_dir_if_changed()?;
        }
        unsynced.clear();
        Ok(())
    }

    /// `entries` has all but what follows from the bytes.
    fn append_entries(
        &mut self,
        bytes: &[u8],
        ends: &[u32],
        entries: impl Iterator<Item = IndexEntry>,
        references: &mut Vec<u64>,
    ) -> Result<(), SpoolError> {
        if ends.is_empty() {
            return Ok(());
        }
        let head_bytes = HEADER_BYTES + ends.len() * ENTRY_BYTES;
        let size = (head_bytes + bytes.len()) as u64;
        if size > u64::from(u32::MAX) - SEGMENT_BYTES {
            return Err(SpoolError::TooLarge { bytes: size });
        }
        if self.spool.check_room(size, self.bytes_max).is_err() {
            // The open segment of this writer may be all that takes the room.
            self.seal();
            let room = self.spool.check_room(size, self.bytes_max);
            room.inspect_err(|_| self.spool.want_sync())?;
        }
        let segment = self.segment_for(size)?;
        let at = segment.bytes();
        let frames_at = at + head_bytes as u64;
        self.head.clear();
        self.head.resize(HEADER_BYTES, 0);
        let (mut start, mut about_bytes, known) = (0, 0, references.len());
        for (entry, &end) in entries.zip(ends) {
            let entry_at = (at + self.head.len() as u64) as u32;
            let frame = bytes.get(start as usize..end as usize).unwrap_or_default();
            let entry = IndexEntry {
                offset: (frames_at + u64::from(start)) as u32,
                len: end - start,
                checksum: crc32fast::hash(frame),
                ..entry
            };
            entry.write(&mut self.head);
            let reference = entry.reference(segment.number(), entry_at);
            about_bytes += frame_bytes(reference);
            references.push(reference);
            start = end;
        }
        let header = record::header(
            ends.len() as u32,
            bytes.len() as u32,
            &self.head[HEADER_BYTES..],
        );
        self.head[..HEADER_BYTES].copy_from_slice(&header);
        // If this fails, what is half written has no reference; the next try writes over it.
        let written = segment.append(&self.head, bytes, ends.len() as u64, about_bytes);
        written.inspect_err(|_| references.truncate(known))?;
        self.spool.bytes.fetch_add(size, Ordering::Relaxed);
        if let Some(unsynced) = &mut self.unsynced
            && unsynced
                .last()
                .is_none_or(|last| last.number() != segment.number())
        {
            unsynced.push(Arc::clone(&segment));
        }
        if segment.bytes() >= self.spool.segment_bytes {
            self.seal();
        }
        Ok(())
    }

    /// The open segment, or a new one if the record would make it too large.
    fn segment_for(&mut self, size: u64) -> Result<Arc<Segment>, SpoolError> {
        if let Some(segment) = &self.segment {
            if segment.is_empty() || segment.bytes() + size <= self.spool.segment_bytes {
                return Ok(Arc::clone(segment));
            }
            self.seal();
        }
        let segment = self.spool.add_segment()?;
        self.segment = Some(Arc::clone(&segment));
        Ok(segment)
    }

    /// Seals the open segment: it is removed with its last frame.
    pub(super) fn seal(&mut self) {
        if let Some(segment) = self.segment.take() {
            self.spool.seal(&segment);
        }
    }
}

impl Drop for SpoolWriter {
    fn drop(&mut self) {
        self.seal();
    }
}
