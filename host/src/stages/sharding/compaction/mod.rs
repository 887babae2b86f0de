//! Makes room in the spool. It moves the frames that still wait out of segments in which few bytes
//! do. So a few events with long deadlines do not hold the space of many that have settled. It
//! works on a shard's thread, on some frames at a time, and only while the spool is filled beyond a
//! part; otherwise it costs one comparison.
//!
//! Only its owner moves a frame. The frame is copied into a segment that is being filled, and its
//! reference in the ledger is changed. Then it is to be released in its old segment, which is deleted
//! with its last frame as always. So there is no other index, and a reference leads to a frame at
//! every instant.

use std::sync::Arc;
use std::time::{Duration, Instant};

use landfall_ledger::{PayloadRef, Shard};
use landfall_store::spool::{Spool, SpoolError, SpoolWriter};

/// The most that one step may do. A shard makes some steps a second beside its other work. Looking
/// at so many entries takes some milliseconds, and so does moving so many bytes.
const ENTRIES_MAX: u32 = 1 << 18;
const FRAMES_MAX: u64 = 4096;
const BYTES_MAX: u64 = 8 << 20;

/// The pause after a pass that moved nothing. In that case the frames that hold the segments are on
/// their way to a shard, or belong to another shard.
const REST: Duration = Duration::from_secs(1);

/// Holds frames, and learns where they were moved to.
pub trait FrameHolder {
    /// See [`Shard::relocate`].
    fn relocate(
        &mut self,
        from: u32,
        entries_max: u32,
        place: &mut dyn FnMut(PayloadRef) -> Option<PayloadRef>,
    ) -> Option<u32>;
}

impl FrameHolder for Shard {
    fn relocate(
        &mut self,
        from: u32,
        entries_max: u32,
        place: &mut dyn FnMut(PayloadRef) -> Option<PayloadRef>,
    ) -> Option<u32> {
        Shard::relocate(self, from, entries_max, place)
    }
}

/// What a step moved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moved {
    pub frames: u64,
    pub bytes: u64,
}

/// One shard's part in making room.
pub struct Compaction {
    spool: Arc<Spool>,
    pass: Option<Pass>,
    rests_until: Option<Instant>,
    frame: Vec<u8>,
    /// The disk fails, and the log has it.
    is_logged: bool,
}

/// One pass over all entries of a shard.
struct Pass {
    /// Numbers of the segments that the pass empties, in order.
    sparse: Vec<u32>,
    /// Sealed when the pass ends.
    writer: SpoolWriter,
    from: u32,
    moved: u64,
}

impl Compaction {
    /// No pass has begun yet.
    pub fn new(spool: Arc<Spool>) -> Self {
        Self {
            spool,
            pass: None,
            rests_until: None,
            frame: Vec::new(),
            is_logged: false,
        }
    }

    /// Does a bounded piece of work, if there is any. All effects of `holder` must have been handed
    /// on. Adds the frames that are no longer needed where they were to `released`.
    pub fn step(
        &mut self,
        holder: &mut impl FrameHolder,
        now: Instant,
        released: &mut Vec<PayloadRef>,
    ) -> Moved {
        let mut moved = Moved::default();
        if self.pass.is_none() {
            if !self.spool.wants_room() || self.rests_until.is_some_and(|until| now < until) {
                return moved;
            }
            let sparse = self.spool.sparse_segments();
            if sparse.is_empty() {
                self.rests_until = Some(now + REST);
                return moved;
            }
            self.pass = Some(Pass {
                sparse,
                writer: self.spool.moving_writer(),
                from: 0,
                moved: 0,
            });
        }
        let Some(pass) = &mut self.pass else {
            return moved;
        };
        let (frame, is_logged) = (&mut self.frame, &mut self.is_logged);
        // Whether some of these entries are left for a later step.
        let mut is_cut = false;
        let mut tries = 0;
        let next = holder.relocate(pass.from, ENTRIES_MAX, &mut |payload| {
            if pass.sparse.binary_search(&payload.segment()).is_err() {
                return None;
            }
            if is_cut || tries >= FRAMES_MAX || moved.bytes >= BYTES_MAX {
                is_cut = true;
                return None;
            }
            tries += 1;
            match pass.writer.copy(payload.0, frame) {
                Ok(now_at) => {
                    moved.frames += 1;
                    moved.bytes += frame.len() as u64;
                    *is_logged = false;
                    released.push(payload);
                    Some(PayloadRef(now_at))
                }
                Err(SpoolError::Full { .. }) => {
                    is_cut = true;
                    None
                }
                // The disk fails. The next frame would fail as well, and each try takes time.
                Err(error @ SpoolError::Io { .. }) => {
                    is_cut = true;
                    if !std::mem::replace(is_logged, true) {
                        tracing::warn!("{error}; frames that wait stay where they are, and no room is made (tried again, logged once)");
                    }
                    None
                }
                // The frame stays where it is; whoever needs it gets the error.
                Err(_) => None,
            }
        });
        pass.moved += moved.frames;
        // The copies are there for certain before the store hears that the frames are not needed where they were.
        if moved.frames > 0
            && let Err(error) = pass.writer.sync()
            && !std::mem::replace(is_logged, true)
        {
            tracing::warn!(
                "{error}; a power cut may take frames that were moved (tried again, logged once)"
            );
        }
        match next {
            _ if is_cut => {
                // There is no room for even one frame, so others have to settle first. What was
                // moved so far is kept, and the next pass looks for the rest.
                if moved.frames == 0 {
                    self.end_pass(now);
                }
            }
            Some(next) => pass.from = next,
            None => self.end_pass(now),
        }
        moved
    }

    fn end_pass(&mut self, now: Instant) {
        if let Some(pass) = self.pass.take() {
            self.rests_until = (pass.moved == 0).then_some(now + REST);
        }
        // The buffer has the size of one frame, which may have been large.
        self.frame = Vec::new();
    }
}

#[cfg(test)]
mod tests;
