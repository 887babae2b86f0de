//! One thread's way into the spool.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::segment::{ENTRY_BYTES, Segment};
use super::{SEGMENT_BYTES, SEGMENT_SHIFT, Spool, SpoolError};

/// Writes batches, each with two writes. Owned by one thread.
pub struct SpoolWriter {
    spool: Arc<Spool>,
    segment: Option<Arc<Segment>>,
    index: Vec<u8>,
}

impl SpoolWriter {
    pub(super) fn new(spool: Arc<Spool>) -> Self {
        Self {
            spool,
            segment: None,
            index: Vec::new(),
        }
    }

    pub fn spool(&self) -> &Arc<Spool> {
        &self.spool
    }

    /// Puts down a batch: frame `i` is `bytes[ends[i-1]..ends[i]]`. Appends one reference per frame
    /// to `references`, or none if it fails; then nothing was put down, and it can be tried again.
    pub fn append(
        &mut self,
        bytes: &[u8],
        ends: &[u32],
        references: &mut Vec<u64>,
    ) -> Result<(), SpoolError> {
        if ends.is_empty() {
            return Ok(());
        }
        let size = (ends.len() * ENTRY_BYTES + bytes.len()) as u64;
        if size > u64::from(u32::MAX) {
            return Err(SpoolError::TooLarge { bytes: size });
        }
        self.spool.check_room(size)?;
        let segment = self.segment_for(size)?;
        let at = segment.bytes();
        let frames_at = at + (ends.len() * ENTRY_BYTES) as u64;
        self.index.clear();
        let mut start = 0;
        for &end in ends {
            let offset = (frames_at + u64::from(start)) as u32;
            self.index.extend_from_slice(&offset.to_le_bytes());
            self.index.extend_from_slice(&(end - start).to_le_bytes());
            start = end;
        }
        if let Err(error) = segment.append(&self.index, bytes, ends.len() as u64) {
            // What was half written is never referred to; the next try writes over it.
            return Err(error);
        }
        self.spool.bytes.fetch_add(size, Ordering::Relaxed);
        let number = u64::from(segment.number()) << SEGMENT_SHIFT;
        references.extend((0..ends.len()).map(|row| number | (at + (row * ENTRY_BYTES) as u64)));
        Ok(())
    }

    /// The open segment, or a new one if the record would make it too large.
    fn segment_for(&mut self, size: u64) -> Result<Arc<Segment>, SpoolError> {
        if let Some(segment) = &self.segment {
            if segment.bytes() == 0 || segment.bytes() + size <= SEGMENT_BYTES {
                return Ok(Arc::clone(segment));
            }
            self.spool.seal(segment);
            self.segment = None;
        }
        let segment = self.spool.add_segment()?;
        self.segment = Some(Arc::clone(&segment));
        Ok(segment)
    }
}

impl Drop for SpoolWriter {
    fn drop(&mut self) {
        if let Some(segment) = &self.segment {
            self.spool.seal(segment);
        }
    }
}
