//! The thread that hands the frames of an earlier run to the judges again: those of raw events that had no verdict yet
//! when it ended. They keep their arrival and their place in the spool. The frontier of the raw stream stays before them
//! until they are in batches.

use std::sync::Arc;
use std::time::Duration;

use landfall_ledger::{PayloadRef, Stream};
use landfall_store::spool::{LeftFrame, Spool};

use crate::flow::queue::SendTimeout;
use crate::flow::{FrameBatch, SourceProgress};
use crate::sources::SourceContext;
use crate::thread_watch;

/// While it waits for room in the queue, it looks this often whether the run is to end.
const WAIT_SLICE: Duration = Duration::from_millis(100);

pub(super) struct RestoreThread {
    /// In the order in which they came.
    frames: Vec<LeftFrame>,
    spool: Arc<Spool>,
    context: SourceContext,
    progress: Arc<SourceProgress>,
}

impl RestoreThread {
    /// Holds the frontier from now on. None if there is nothing to restore.
    pub fn new(frames: Vec<LeftFrame>, spool: Arc<Spool>, context: SourceContext) -> Option<Self> {
        let oldest_ms = frames.first()?.arrived_ms;
        let progress = context.in_flight.add_restored(Stream::Raw, oldest_ms);
        Some(Self {
            frames,
            spool,
            context,
            progress,
        })
    }

    /// Runs until all frames are handed on, or the run is to end: then the next run restores the rest.
    pub fn run(self) {
        let mut frames = self.frames.iter().peekable();
        let mut unreadable = 0_u64;
        while let Some(first) = frames.peek() {
            if self.context.stop.is_set() {
                return;
            }
            let guard = self.context.in_flight.begin(Stream::Raw, first.arrived_ms);
            let mut batch = FrameBatch::new(Stream::Raw, first.source, guard);
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
            // Registered: the frontier may pass what was read.
            if let Some(next) = frames.peek() {
                self.progress.reach(next.arrived_ms);
            }
            if batch.rows() > 0 && !self.hand_on(batch) {
                return;
            }
        }
        if unreadable > 0 {
            tracing::error!(
                events = unreadable,
                "events of the last run could not be read back, and are not judged"
            );
        }
        self.progress.finish();
    }

    /// Puts a batch into the queue; false if the run is to end.
    fn hand_on(&self, mut batch: FrameBatch) -> bool {
        loop {
            let weight = batch.weight();
            thread_watch::idle();
            let sent = self.context.queue.send_timeout(batch, weight, WAIT_SLICE);
            thread_watch::busy();
            match sent {
                Ok(()) => return true,
                Err(SendTimeout::Closed(_)) => return false,
                Err(SendTimeout::Full(back)) if !self.context.stop.is_set() => batch = back,
                // The frontier stays before it: this thread does not finish its progress.
                Err(SendTimeout::Full(_)) => return false,
            }
        }
    }
}
