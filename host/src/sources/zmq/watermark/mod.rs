//! Decides when a source may report that it has read everything that came before an instant.
//!
//! A stream's frontier may move to T only if every frame that had reached our kernel by T has been
//! read. On its way a frame waits in three places: in the kernel's buffer of the connection, in the
//! hands of the library's thread, and in the library's queue. A look checks them in this order.
//! Each step only concerns what the step before has left:
//!
//! 1. the queue is found empty: if the library's thread waits for room in it, it has been informed
//!    that there is some;
//! 2. the time is read: this is T;
//! 3. the kernel reports that nothing waits in the connection: what came by T is in the hands of
//!    the thread, or further;
//! 4. the thread is seen at rest: what was in its hands is in the queue;
//! 5. the queue is found empty once more: what was in it has been read.
//!
//! Anything may be stopped in between, for however long, without harm:
//! - between any two steps, this thread or the whole process: T was read before everything that
//!   proves it, so it is only older. Frames that come meanwhile came after T.
//! - between the last step and the report: the frontier moves later, to the same T. Frames that are
//!   read afterwards belong to a later look.
//! - the library's thread alone: bytes in the kernel (3) or in its hands (4) show this, because a
//!   thread that waits for the processor is not at rest.
//! - this thread alone: it looks at nothing, and the frontier stays where it was.
//! - threads that apply what was read: their batches hold the frontier (`in_flight.rs`).
//! - between reading a frame and stamping it: the stamp is late, and a stamp is the latest instant
//!   at which the frame may have come. The earliest is how far the source was when it read the
//!   frame.
//!
//! If the kernel or the thread cannot be asked ([`Ahead::Unknown`]), a look counts only after a
//! later one has found the queue empty too. By then the library's thread has had its chance.
//!
//! What has not reached the kernel does not matter for T. But if it was Landfall that kept it out,
//! it would be unjust to call it missing. So a look does not count at once
//! - after a flood: once the library's queue was full, it stops reading, the kernel's buffer fills, and
//!   frames wait at the peer;
//! - after a pause of the process or the machine, or a wait for room in our own queue: the same
//!   happens, and a stopped machine gets what waited before it only when it runs again.
//!
//! Frames of a connection come in order. So a look that did not count is made up for later: once
//! the source has read on for a while, everything that came before that look has been read.
//!
//! Pure: knows no socket and reads no clock.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::flow::SourceProgress;

/// After a flood: how long (real time) an empty socket is not believed. Kernel buffers and the
/// peer's own queue drain within a few round trips; a second is ten long ones. After a pause the
/// time is as long as the pause, but no longer than this.
pub const SETTLE: Duration = Duration::from_secs(1);

/// The time between two looks of which neither could ask the kernel or the library's thread. A
/// thread that is not starved gets the processor many times meanwhile.
const CHANCE: Duration = Duration::from_millis(100);

/// If a source was away for this much longer than its rest, it was paused. Some turns of a busy
/// machine's scheduler are shorter.
const PAUSE: Duration = Duration::from_millis(100);

/// Whether frames are on their way to the library's queue, after the queue was found empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ahead {
    /// There were none: the kernel held none, and then the library's thread was at rest.
    Nothing,
    /// The kernel holds some.
    Something,
    /// The kernel could not be asked, or the library's thread was at work.
    Unknown,
}

/// One finding that the library's queue is empty.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    /// The time by Landfall's clock, read before the kernel and the thread were asked.
    pub before_ms: i64,
    pub ahead: Ahead,
    pub now: Instant,
}

/// A look that did not count yet.
#[derive(Clone, Copy, Debug)]
struct Candidate {
    /// Since then the source has looked without a pause.
    since: Instant,
    at_ms: i64,
}

/// Follows one socket and moves its progress.
#[derive(Debug)]
pub struct Watermark {
    progress: Arc<SourceProgress>,
    /// With this many frames since the socket was last empty, its queue may have been full.
    flood_frames: u64,
    read_since_empty: u64,
    unsettled_until: Option<Instant>,
    candidate: Option<Candidate>,
    /// When the source was last seen running, and how long it rested on purpose since then.
    awake: Option<Instant>,
    rested: Duration,
}

impl Watermark {
    /// `hwm_frames` is the socket's high-water mark, 0 for none.
    pub fn new(progress: Arc<SourceProgress>, hwm_frames: u32) -> Self {
        // The library counts a frame as read only when half of the mark has been read. So its queue
        // can be full when only half as many frames are really in it.
        let flood_frames = if hwm_frames == 0 {
            u64::MAX
        } else {
            u64::from(hwm_frames / 2).max(1)
        };
        Self {
            progress,
            flood_frames,
            read_since_empty: 0,
            unsettled_until: None,
            candidate: None,
            awake: None,
            rested: Duration::ZERO,
        }
    }

    /// A frame (or a refused message) was read.
    pub fn read(&mut self) {
        self.read_since_empty = self.read_since_empty.saturating_add(1);
    }

    /// The source is about to rest for at most this long (real time).
    pub fn rests(&mut self, wait: Duration) {
        self.rested = self.rested.saturating_add(wait);
    }

    /// The source runs. Call it at each turn of the source. Gives how long it did not run, if that was a pause.
    pub fn awake(&mut self, now: Instant) -> Option<Duration> {
        let last = self.awake.replace(now).unwrap_or(now);
        let rested = std::mem::take(&mut self.rested);
        let overslept = now.saturating_duration_since(last).saturating_sub(rested);
        if overslept <= PAUSE {
            return None;
        }
        self.unsettle(now + overslept.min(SETTLE));
        if let Some(candidate) = &mut self.candidate {
            candidate.since = now;
        }
        Some(overslept)
    }

    /// The machine was suspended: looks count again after a while, as after a pause.
    pub fn suspended(&mut self, now: Instant) {
        self.unsettle(now + SETTLE);
        if let Some(candidate) = &mut self.candidate {
            candidate.since = now;
        }
    }

    /// The library's queue was found empty.
    pub fn seen_empty(&mut self, look: Look) {
        let Look {
            before_ms,
            ahead,
            now,
        } = look;
        let _ = self.awake(now);
        if std::mem::take(&mut self.read_since_empty) >= self.flood_frames {
            self.unsettle(now + SETTLE);
        }
        let is_settled = self.unsettled_until.is_none_or(|until| now >= until);
        if is_settled {
            self.unsettled_until = None;
            if ahead == Ahead::Nothing {
                self.candidate = None;
                self.progress.reach(before_ms);
                return;
            }
        }
        let wait = if is_settled { CHANCE } else { SETTLE };
        if let Some(Candidate { since, at_ms }) = self.candidate
            && now.saturating_duration_since(since) >= wait
        {
            self.progress.reach(at_ms);
            self.candidate = None;
        }
        // What the kernel holds may have come before this look.
        if self.candidate.is_none() && ahead != Ahead::Something {
            self.candidate = Some(Candidate {
                since: now,
                at_ms: before_ms,
            });
        }
    }

    fn unsettle(&mut self, until: Instant) {
        self.unsettled_until = self.unsettled_until.max(Some(until));
    }
}

#[cfg(test)]
mod tests;
