//! Writes frames into the spool, for one thread.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::reference::Reference;
use super::segment::{ENTRY_BYTES, Segment};
use super::{Spool, SpoolError};

/// Writes batches, each with two writes. Owned by one thread.
pub struct SpoolWriter {
    spool: Arc<Spool>,
    /// Beyond so many bytes in the whole spool this writer writes nothing.
    bytes_max: u64,
    segment: Option<Arc<Segment>>,
    index: Vec<u8>,
}

impl SpoolWriter {
    pub(super) fn new(spool: Arc<Spool>, bytes_max: u64) -> Self {
        Self {
            spool,
            bytes_max,
            segment: None,
            index: Vec::new(),
        }
    }

    /// The spool that it writes to.
    pub fn spool(&self) -> &Arc<Spool> {
        &self.spool
    }

    /// Writes a batch: frame `i` is `bytes[ends[i-1]..ends[i]]`, and its place `first_place + i`. Appends one reference
    /// per frame to `references`, or none if it fails; then nothing was written, and it can be tried again.
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
        if ends.is_empty() {
            return Ok(());
        }
        let size = (ends.len() * ENTRY_BYTES + bytes.len()) as u64;
        if size > u64::from(u32::MAX) {
            return Err(SpoolError::TooLarge { bytes: size });
        }
        if self.spool.check_room(size, self.bytes_max).is_err() {
            // The open segment of this writer may be all that takes the room.
            self.seal();
            self.spool.check_room(size, self.bytes_max)?;
        }
        let segment = self.segment_for(size)?;
        let at = segment.bytes();
        let frames_at = at + (ends.len() * ENTRY_BYTES) as u64;
        self.index.clear();
        let (mut start, mut about_bytes, known) = (0, 0, references.len());
        for (place, &end) in (first_place..).zip(ends) {
            let entry_at = (at + self.index.len() as u64) as u32;
            let offset = (frames_at + u64::from(start)) as u32;
            self.index.extend_from_slice(&offset.to_le_bytes());
            self.index.extend_from_slice(&(end - start).to_le_bytes());
            let frame_bytes = u64::from(end - start) + ENTRY_BYTES as u64;
            let reference = Reference::new(segment.number(), entry_at, frame_bytes);
            about_bytes += reference.bytes();
            references.push(reference.0);
            self.index.extend_from_slice(&place.to_le_bytes());
            start = end;
        }
        // If this fails, what is half written has no reference; the next try writes over it.
        let written = segment.append(&self.index, bytes, ends.len() as u64, about_bytes);
        written.inspect_err(|_| references.truncate(known))?;
        self.spool.bytes.fetch_add(size, Ordering::Relaxed);
        if segment.bytes() >= self.spool.segment_bytes {
            self.seal();
        }
        Ok(())
    }

    /// The open segment, or a new one if the record would make it too large.
    fn segment_for(&mut self, size: u64) -> Result<Arc<Segment>, SpoolError> {
        if let Some(segment) = &self.segment {
            if segment.bytes() == 0 || segment.bytes() + size <= self.spool.segment_bytes {
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
