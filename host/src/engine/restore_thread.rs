//! The thread that hands the frames of an earlier run to the judges again: those of raw events that had no verdict yet
//! when it ended. They keep their arrival and their place in the spool. The frontier of the raw stream stays before them
//! until they are in batches.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use landfall_ledger::{Hole, HoleCause, PayloadRef, Stream};
use landfall_store::spool::{LeftFrame, Spool};

use crate::flow::queue::SendTimeout;
use crate::flow::{FrameBatch, SourceProgress, Unapplied};
use crate::sources::SourceContext;
use crate::thread_watch;

/// While it waits for room in the queue, it looks this often whether the run is to end.
const WAIT_SLICE: Duration = Duration::from_millis(100);

/// How long it waits at the end until all that it handed on was applied. Then raw frames are taken again, whatever is left:
/// a clock that went back would hold them for as long as it went.
const APPLIED_WITHIN: Duration = Duration::from_secs(10);

pub(super) struct RestoreThread {
    /// In the order in which they came.
    frames: Vec<LeftFrame>,
    spool: Arc<Spool>,
    context: SourceContext,
    progress: Arc<SourceProgress>,
    restoring: Restoring,
}

/// Set for as long as it lives: judges take no other raw batch.
struct Restoring(Arc<AtomicBool>);

impl Drop for Restoring {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

impl RestoreThread {
    /// Holds raw time, and raw batches of this run, from now on. None if there is nothing to restore.
    pub fn new(
        frames: Vec<LeftFrame>,
        spool: Arc<Spool>,
        context: SourceContext,
        restoring: Arc<AtomicBool>,
    ) -> Option<Self> {
        let (oldest, newest) = (frames.first()?, frames.last()?);
        let oldest_ms = oldest.arrived_ms.min(context.clock.now_ms());
        let progress = context.in_flight.add_restored(Stream::Raw, oldest_ms);
        // If the clock went back, they came after the start of this run, by their stamps. Nobody watched all the same.
        context.in_flight.unseen(
            Stream::Written,
            Hole {
                from_ms: i64::MIN,
                to_ms: newest.arrived_ms,
                cause: HoleCause::NotRunning,
            },
        );
        restoring.store(true, Ordering::Release);
        Some(Self {
            frames,
            spool,
            context,
            progress,
            restoring: Restoring(restoring),
        })
    }

    /// Runs until all frames are judged, or the run is to end: then the next run restores the rest.
    pub fn run(self) {
        let mut frames = self.frames.iter().peekable();
        let mut unreadable = 0_u64;
        while let Some(first) = frames.peek() {
            if self.context.stop.is_set() {
                return;
            }
            let guard = self.context.in_flight.begin(Stream::Raw, first.arrived_ms);
            let mut batch = FrameBatch::new(Stream::Raw, first.source, guard);
            batch.is_restored = true;
            let mut bytes = Vec::new();
            while !self.context.limits.are_reached(&batch) {
                let Some(frame) = frames.next() else { break };
                match self.spool.read(frame.reference, &mut bytes) {
                    Ok(_) => {
                        batch.push(&bytes, frame.arrived_ms);
                        batch.spooled.push(PayloadRef(frame.reference));
                    }
                    Err(error) => {
                        if unreadable == 0 {
                            tracing::error!("{error}; its event is not judged again (logged once)");
                        }
                        unreadable += 1;
                    }
                }
            }
            if batch.rows() > 0 && !self.hand_on(batch) {
                return;
            }
            if let Some(next) = frames.peek() {
                self.progress.reach(next.arrived_ms);
            }
        }
        if unreadable > 0 {
            tracing::error!(
                events = unreadable,
                "events of the last run could not be read back, and are not judged"
            );
        }
        self.progress.finish();
        self.await_applied();
        drop(self.restoring);
    }

    /// Puts a batch into the queue; false if the run is to end.
    fn hand_on(&self, mut batch: FrameBatch) -> bool {
        loop {
            let weight = batch.weight();
            thread_watch::idle();
            let sent = self.context.queue.send_timeout(batch, weight, WAIT_SLICE);
            thread_watch::busy();
            let back = match sent {
                Ok(()) => return true,
                Err(SendTimeout::Full(back)) if !self.context.stop.is_set() => {
                    batch = back;
                    continue;
                }
                Err(SendTimeout::Full(back) | SendTimeout::Closed(back)) => back,
            };
            // Raw time stays before it. It is in the spool, and the next run judges it.
            back.guard.abandon(Unapplied::QueueFull);
            return false;
        }
    }

    /// Waits until all that was handed on was applied: a copy that came later must not be read before.
    fn await_applied(&self) {
        let (began, newest) = (Instant::now(), self.frames.last());
        let is_applied = || {
            let frontier_ms = self.context.in_flight.frontier(Stream::Raw);
            newest.is_none_or(|newest| frontier_ms > newest.arrived_ms)
        };
        while !is_applied() && !self.context.stop.is_set() && began.elapsed() < APPLIED_WITHIN {
            thread_watch::idle();
            std::thread::sleep(WAIT_SLICE);
            thread_watch::busy();
        }
    }
}
