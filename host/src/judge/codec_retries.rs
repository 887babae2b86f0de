//! Frames that their codec failed on. A fault is the codec's and proves nothing about the frame. So
//! the frame is kept, with its in-flight guard, and tried again. Meanwhile the stream's frontier
//! cannot pass it. So no event is called missing (or unexpected) while its other side may be among
//! the unread frames.
//!
//! A frame is given up only if the codec reads other frames and fails again when it is given this
//! frame alone. A codec that reads nothing at all holds its stream back until another version is
//! put in place or Landfall ends.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use landfall_ledger::PayloadRef;
use landfall_runtime::{FaultKind, FaultedRows};

use crate::flow::FrameBatch;

/// Tries of a frame before it is given up: one with others, and one alone after a pause.
const TRIES_MAX: u32 = 2;

/// Batches with unread frames that one worker keeps of a stream before it takes no more. Not just
/// one, so that one poison frame does not hold up a quiet stream; and few, because they are in
/// memory.
const BATCHES_MAX: usize = 8;

/// The pause between two tries (real time): the first pause, and the longest one while the codec
/// reads nothing.
const PAUSE_MIN: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_secs(60);

/// The unread frames of one batch.
pub(super) struct CodecRetry {
    pub frames: FrameBatch,
    pub payloads: Vec<PayloadRef>,
    /// How often it was tried.
    pub tries: u32,
    /// The pause before the next try.
    pause: Duration,
    /// When that pause ends. It begins when somebody asks what is due: a try takes time itself.
    due: Option<Instant>,
}

/// The unread frames of one stream.
#[derive(Default)]
pub(super) struct CodecRetries {
    waiting: VecDeque<CodecRetry>,
}

impl CodecRetries {
    /// Whether nothing waits for another try.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Whether no further batch of the stream should be taken.
    pub fn is_full(&self) -> bool {
        self.waiting.len() >= BATCHES_MAX
    }

    /// Keeps the frames that a try did not read; `is_sound` if the codec read other frames.
    pub fn keep(
        &mut self,
        frames: FrameBatch,
        payloads: Vec<PayloadRef>,
        tries: u32,
        is_sound: bool,
    ) {
        let pause = if is_sound {
            PAUSE_MIN
        } else {
            let doublings = tries.saturating_sub(1).min(16);
            (PAUSE_MIN * (1 << doublings)).min(PAUSE_MAX)
        };
        self.waiting.push_back(CodecRetry {
            frames,
            payloads,
            tries,
            pause,
            due: None,
        });
    }

    /// The frames that are due for another try; all frames if `at_once`.
    pub fn take_due(&mut self, now: Instant, at_once: bool) -> Option<CodecRetry> {
        for unread in &mut self.waiting {
            unread.due.get_or_insert(now + unread.pause);
        }
        let is_due = |unread: &CodecRetry| unread.due.is_some_and(|due| due <= now);
        let index = self
            .waiting
            .iter()
            .position(|unread| at_once || is_due(unread))?;
        self.waiting.remove(index)
    }

    /// The codec was replaced: everything is due, as if it had never been tried.
    pub fn renew(&mut self, now: Instant) {
        for unread in &mut self.waiting {
            (unread.tries, unread.due) = (0, Some(now));
        }
    }
}

/// Whether the frames of a fault may be given up after this many tries: the fault is of one frame,
/// the codec has failed on it often enough, and the codec was really called with it.
pub(super) fn is_hopeless(faulted: &FaultedRows, tries: u32, is_sound: bool) -> bool {
    is_sound && was_asked(faulted.fault.kind) && faulted.rows == 1 && tries >= TRIES_MAX
}

/// Whether the codec was called with the frame.
pub(super) fn was_asked(kind: FaultKind) -> bool {
    !matches!(kind, FaultKind::Suspended | FaultKind::Start)
}

#[cfg(test)]
mod tests {
    use landfall_runtime::Fault;

    use super::*;
    use landfall_ledger::Stream;

    fn batch() -> FrameBatch {
        FrameBatch::detached(Stream::Written)
    }

    #[test]
    fn only_a_frame_that_fails_alone_and_often_while_others_are_read_is_given_up() {
        let faulted = |rows, kind| FaultedRows {
            first: 0,
            rows,
            fault: Fault {
                kind,
                message: String::new(),
            },
        };
        let poison = faulted(1, FaultKind::Trap);
        assert!(is_hopeless(&poison, TRIES_MAX, true));
        assert!(!is_hopeless(&poison, TRIES_MAX - 1, true));
        assert!(
            !is_hopeless(&poison, 1000, false),
            "the codec reads nothing"
        );
        assert!(!is_hopeless(&faulted(2, FaultKind::Deadline), 1000, true));
        assert!(!is_hopeless(&faulted(1, FaultKind::Suspended), 1000, true));
        assert!(!is_hopeless(&faulted(1, FaultKind::Start), 1000, true));
    }

    #[test]
    fn pauses_grow_only_while_the_codec_reads_nothing_and_end_with_another_codec() {
        let now = Instant::now();
        let mut unread = CodecRetries::default();
        unread.keep(batch(), Vec::new(), 10, true);
        assert!(unread.take_due(now, false).is_none());
        assert!(unread.take_due(now + PAUSE_MIN, false).is_some());
        unread.keep(batch(), Vec::new(), 10, false);
        assert!(unread.take_due(now, false).is_none());
        assert!(unread.take_due(now + PAUSE_MIN, false).is_none());
        assert!(unread.take_due(now + PAUSE_MAX, false).is_some());
        unread.keep(batch(), Vec::new(), 10, false);
        unread.renew(now);
        assert_eq!(
            unread.take_due(now, false).map(|unread| unread.tries),
            Some(0)
        );
    }

    #[test]
    fn the_pause_begins_after_the_try_however_long_that_took() {
        let began = Instant::now();
        let mut unread = CodecRetries::default();
        unread.keep(batch(), Vec::new(), 1, true);
        let ended = began + 2 * PAUSE_MIN;
        assert!(unread.take_due(ended, false).is_none());
        let early = ended + PAUSE_MIN - Duration::from_millis(1);
        assert!(unread.take_due(early, false).is_none());
        assert!(unread.take_due(ended + PAUSE_MIN, false).is_some());
    }

    #[test]
    fn a_worker_keeps_few_batches_and_gives_all_back_at_the_end() {
        let now = Instant::now();
        let mut unread = CodecRetries::default();
        while !unread.is_full() {
            unread.keep(batch(), Vec::new(), 1, false);
        }
        let mut given = 0;
        while unread.take_due(now, true).is_some() {
            given += 1;
        }
        assert_eq!(given, BATCHES_MAX);
    }
}
