//! The thread that hands the frames of an earlier run to the judges again: those of a stream's events or rows of which
//! nothing was stored yet when it ended. They keep their arrival and their place in the spool. The frontier of their
//! stream stays before them until they are in batches.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use landfall_ledger::{Hole, HoleCause, PayloadRef, PerStream, Stream};
use landfall_store::spool::{LeftFrame, Spool};

use crate::flow::queue::SendTimeout;
use crate::flow::{FrameBatch, SourceProgress, Unapplied};
use crate::sources::SourceContext;
use crate::thread_watch;

/// While it waits for room in the queue, it looks this often whether the run is to end.
const WAIT_SLICE: Duration = Duration::from_millis(100);

/// How long it waits at the end until all that it handed on was applied. Then frames of this run are taken, whatever is left:
/// a clock that went back would hold them for as long as it went.
const APPLIED_WITHIN: Duration = Duration::from_secs(10);

pub(super) struct RestoreThread {
    stream: Stream,
    /// In the order in which they came.
    frames: Vec<LeftFrame>,
    spool: Arc<Spool>,
    context: SourceContext,
    progress: Arc<SourceProgress>,
    restoring: Restoring,
}

/// Set for as long as it lives: judges take no other batch of the stream.
struct Restoring {
    stream: Stream,
    flags: Arc<PerStream<AtomicBool>>,
}

impl Drop for Restoring {
    fn drop(&mut self) {
        self.flags[self.stream].store(false, Ordering::Release);
    }
}

impl RestoreThread {
    /// One for each stream of which something is left. From now on each holds the time of its stream, and batches of
    /// this run. `into` has the lanes for such batches.
    pub fn of_streams(
        left: Vec<LeftFrame>,
        spool: &Arc<Spool>,
        into: &PerStream<SourceContext>,
        restoring: &Arc<PerStream<AtomicBool>>,
    ) -> Vec<Self> {
        let (rows, events): (Vec<_>, Vec<_>) = left.into_iter().partition(|frame| frame.is_row);
        let by_stream = [(Stream::Raw, events), (Stream::Written, rows)];
        let threads = by_stream.into_iter().filter_map(|(stream, frames)| {
            Self::new(stream, frames, spool, &into[stream], restoring)
        });
        threads.collect()
    }

    fn new(
        stream: Stream,
        frames: Vec<LeftFrame>,
        spool: &Arc<Spool>,
        context: &SourceContext,
        restoring: &Arc<PerStream<AtomicBool>>,
    ) -> Option<Self> {
        let (oldest, newest) = (frames.first()?, frames.last()?);
        let oldest_ms = oldest.arrived_ms.min(context.clock.now_ms());
        let progress = context.in_flight.add_restored(stream, oldest_ms);
        // If the clock went back, they came after the start of this run, by their stamps. Nobody watched all the same.
        let other = match stream {
            Stream::Raw => Stream::Written,
            Stream::Written => Stream::Raw,
        };
        context.in_flight.unseen(
            other,
            Hole {
                from_ms: i64::MIN,
                to_ms: newest.arrived_ms,
                cause: HoleCause::NotRunning,
            },
        );
        restoring[stream].store(true, Ordering::Release);
        Some(Self {
            stream,
            frames,
            spool: Arc::clone(spool),
            context: context.clone(),
            progress,
            restoring: Restoring {
                stream,
                flags: Arc::clone(restoring),
            },
        })
    }

    pub fn stream(&self) -> Stream {
        self.stream
    }

    /// Runs until all frames are judged, or the run is to end: then the next run restores the rest.
    pub fn run(self) {
        let mut frames = self.frames.iter().peekable();
        let mut unreadable = 0_u64;
        while let Some(first) = frames.peek() {
            if self.context.stop.is_set() {
                return;
            }
            let guard = self.context.in_flight.begin(self.stream, first.arrived_ms);
            let mut batch = FrameBatch::new(self.stream, first.source, guard);
            batch.is_restored = true;
            let mut bytes = Vec::new();
            while !self.context.limits.are_reached(&batch) {
                let Some(frame) = frames.next() else { break };
                match self.spool.read(frame.reference, &mut bytes) {
                    Ok(_) => {
                        batch.push_restored(&bytes, frame.earliest_ms, frame.arrived_ms);
                        batch.spooled.push(PayloadRef(frame.reference));
                    }
                    Err(error) => {
                        if unreadable == 0 {
                            tracing::error!("{error}; it is not judged again (logged once)");
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
                frames = unreadable,
                stream = %self.stream,
                "frames of the last run could not be read back, and are not judged"
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
            // Time stays before it. It is in the spool, and the next run judges it.
            back.guard.abandon(Unapplied::QueueFull);
            return false;
        }
    }

    /// Waits until all that was handed on was applied: a copy that came later must not be read before.
    fn await_applied(&self) {
        let (began, newest) = (Instant::now(), self.frames.last());
        let is_applied = || {
            let frontier_ms = self.context.in_flight.frontier(self.stream);
            newest.is_none_or(|newest| frontier_ms > newest.arrived_ms)
        };
        while !is_applied() && !self.context.stop.is_set() && began.elapsed() < APPLIED_WITHIN {
            thread_watch::idle();
            std::thread::sleep(WAIT_SLICE);
            thread_watch::busy();
        }
    }
}
