//! When may a source say that it has read everything that came before an instant?
//!
//! A stream's frontier may move to T only if every frame that had reached our kernel by T has been
//! read. On its way through us a frame waits in three places: in the kernel's buffer of the
//! connection, in the hands of the library's thread, and in the library's queue. A look is made in
//! this order, and each step is only about what the one before has left:
//!
//! 1. the queue is found empty: whoever waits for room in it has been told that there is some;
//! 2. the time is read: this is T;
//! 3. the kernel says that nothing waits in the connection: what came by T is in the hands of the
//!    thread, or further;
//! 4. the thread is seen at rest: what was in its hands is in the queue;
//! 5. the queue is found empty once more: what was in it has been read.
//!
//! Whatever is stopped in between, for however long, is harmless:
//! - between any two steps, this thread or the whole process: T was read before all that proves it, so
//!   it only grows old. Frames that come meanwhile came after T.
//! - between the last step and the telling: the frontier moves later, to the same T. Frames that are
//!   read afterwards are of a later look.
//! - the library's thread alone: with bytes in the kernel (3) or in its hands (4) it is found out,
//!   because one that waits for the processor is not at rest.
//! - this thread alone: it looks at nothing, and the frontier stays where it was.
//! - threads that apply what was read: their batches hold the frontier (`in_flight.rs`).
//! - between reading a frame and stamping it: the stamp is late, and a stamp is the latest instant at
//!   which the frame may have come; the earliest is how far the source was when it read it.
//!
//! Where the kernel or the thread cannot be asked ([`Ahead::Unknown`]), a look counts only after a
//! later one that found the queue empty too, when the library's thread has had its chance.
//!
//! What has not reached the kernel is no matter of T, but it would be unjust to call it missing if it
//! was ourselves who kept it out. So a look does not count at once
//! - after a flood: once the library's queue was full, it stops reading, the kernel's buffer fills, and
//!   frames wait at the peer;
//! - after a pause of the process or the machine, or a wait for room in our own queue: the same, and a
//!   machine that was stopped gets what waited before it only when it runs again.
//!
//! Frames of a connection come in order. So a look that did not count is made up for: once the source
//! has read on for a while, all that came before that look has been read.
//!
//! Pure: knows no socket and reads no clock.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::flow::SourceProgress;

/// After a flood: how long (real time) until an empty socket is believed again. Kernel buffers and
/// the peer's own queue drain within a few round trips; a second is ten of the long ones. After a pause
/// it is as long as that was, but no longer.
pub const SETTLE: Duration = Duration::from_secs(1);

/// Between two looks of which neither could ask the kernel or the library's thread: a thread that is
/// not starved gets the processor many times over.
const CHANCE: Duration = Duration::from_millis(100);

/// A source that was away for so much longer than it wanted to rest has paused: some turns of a busy
/// machine's scheduler are shorter.
const PAUSE: Duration = Duration::from_millis(100);

/// What is known of frames that the library's queue, found empty, has yet to get.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ahead {
    /// There were none: the kernel held none, and then the library's thread was at rest.
    Nothing,
    /// The kernel holds some.
    Something,
    /// The kernel could not be asked, or the library's thread was at work.
    Unknown,
}

/// The library's queue was found empty.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    /// By Landfall's clock, read before anything was asked.
    pub before_ms: i64,
    pub ahead: Ahead,
    pub now: Instant,
}

/// A look that did not count yet.
#[derive(Clone, Copy, Debug)]
struct Doubted {
    /// The source has looked on since then without a pause.
    since: Instant,
    at_ms: i64,
}

/// Follows one socket and moves its progress.
#[derive(Debug)]
pub struct Watermark {
    progress: Arc<SourceProgress>,
    /// As many frames since the socket was last empty say that its queue may have been full.
    flood_frames: u64,
    read_since_empty: u64,
    doubt_until: Option<Instant>,
    doubted: Option<Doubted>,
    /// When the source was last seen running, and how long it has wanted to rest since.
    awake: Option<Instant>,
    rested: Duration,
}

impl Watermark {
    /// `hwm_frames` is the socket's high-water mark, 0 for none.
    pub fn new(progress: Arc<SourceProgress>, hwm_frames: u32) -> Self {
        // The library counts a frame as read only when half of the mark has been read, so its queue
        // can be full to it with half as many frames really in it.
        let flood_frames = if hwm_frames == 0 {
            u64::MAX
        } else {
            u64::from(hwm_frames / 2).max(1)
        };
        Self {
            progress,
            flood_frames,
            read_since_empty: 0,
            doubt_until: None,
            doubted: None,
            awake: None,
            rested: Duration::ZERO,
        }
    }

    /// A frame (or a refused message) was read.
    pub fn read(&mut self) {
        self.read_since_empty = self.read_since_empty.saturating_add(1);
    }

    /// The source is about to rest for so long at most (real time).
    pub fn rests(&mut self, wait: Duration) {
        self.rested = self.rested.saturating_add(wait);
    }

    /// The source runs; to be told at each of its turns.
    pub fn awake(&mut self, now: Instant) {
        let last = self.awake.replace(now).unwrap_or(now);
        let wanted = std::mem::take(&mut self.rested);
        let overslept = now.saturating_duration_since(last).saturating_sub(wanted);
        if overslept <= PAUSE {
            return;
        }
        self.doubt(now + overslept.min(SETTLE));
        if let Some(doubted) = &mut self.doubted {
            doubted.since = now;
        }
    }

    /// The library's queue was found empty.
    pub fn seen_empty(&mut self, look: Look) {
        let Look {
            before_ms,
            ahead,
            now,
        } = look;
        self.awake(now);
        if std::mem::take(&mut self.read_since_empty) >= self.flood_frames {
            self.doubt(now + SETTLE);
        }
        let is_settled = self.doubt_until.is_none_or(|until| now >= until);
        if is_settled {
            self.doubt_until = None;
            if ahead == Ahead::Nothing {
                self.doubted = None;
                self.progress.reach(before_ms);
                return;
            }
        }
        let wait = if is_settled { CHANCE } else { SETTLE };
        if let Some(Doubted { since, at_ms }) = self.doubted
            && now.saturating_duration_since(since) >= wait
        {
            self.progress.reach(at_ms);
            self.doubted = None;
        }
        // What the kernel holds may have come before this look.
        if self.doubted.is_none() && ahead != Ahead::Something {
            self.doubted = Some(Doubted {
                since: now,
                at_ms: before_ms,
            });
        }
    }

    fn doubt(&mut self, until: Instant) {
        self.doubt_until = self.doubt_until.max(Some(until));
    }
}

#[cfg(test)]
mod tests;
