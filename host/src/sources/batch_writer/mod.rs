//! Packs the frames of a source into batches, registers each batch as in flight, and puts it into
//! the queue.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::SourceError;
use crate::clock::Clock;
use crate::flow::queue::{SendTimeout, Sender};
use crate::flow::{
    BATCH_WAIT_MAX, BYTES_CEILING, BatchLimits, FrameBatch, InFlight, Readability, Refusal,
    SequenceTicket, Sequences, ShutdownRequest, SourceProgress, SourceStatus, Unapplied,
    UnreadFrame,
};
use crate::thread_watch;
use landfall_ledger::Stream;

/// What all sources of one stream share.
#[derive(Clone)]
pub struct SourceContext {
    pub stream: Stream,
    pub clock: Clock,
    pub in_flight: InFlight,
    pub queue: Sender<FrameBatch>,
    pub limits: BatchLimits,
    /// Frames larger than this are refused and counted.
    pub frame_bytes_max: usize,
    /// Asks all threads to end. Sources hand on what they have read, and end.
    pub stop: ShutdownRequest,
}

/// A batch that waited for its time and has so many frames belongs to a steady stream.
const CROWD_ROWS: usize = 16;

/// A batch waits no longer than so many times the fill time of the last batch. After that it is
/// almost full, or the flood has ended. Then nothing is gained by keeping its last frames.
const FILLS: u32 = 2;

/// So many frames in a row are stamped with one reading of the clock, after the last one has been
/// read. Reading them takes some microseconds.
const FRAMES_PER_STAMP: usize = 16;

/// While a source waits for room, it serves its socket's monitor this often.
const WAIT_SLICE: Duration = Duration::from_millis(100);

/// After the request to shut down, a source waits this long for room, in real time. Ten seconds are
/// enough for queues that are drained. A queue that stays full because judges cannot go on would
/// hold up the shutdown for ever.
const HAND_ON_MAX: Duration = Duration::from_secs(10);

/// A batch that is being filled.
struct Filling {
    batch: FrameBatch,
    /// When its first frame was read. The batch waits from then on.
    began: Instant,
    /// The earliest arrival of its frames, which may have gathered before they were read.
    since: Instant,
}

/// The batches of one source.
pub struct BatchWriter {
    context: SourceContext,
    source: u16,
    stats: Arc<SourceStatus>,
    progress: Arc<SourceProgress>,
    hand_on_max: Duration,
    /// Since when it has waited for room after the request to shut down.
    overdue_since: Option<Instant>,
    filling: Option<Filling>,
    /// Number of frames that came so far. In this order they are written out again if they are
    /// lost.
    came: u64,
    /// Sizes of the last batch: the next one is allocated with that much room.
    last_bytes: usize,
    last_rows: usize,
    /// How long a batch takes to fill, measured on the last one.
    fills_in: Option<Duration>,
    /// Since when the frames that are being read came, if they gathered.
    came_since: Option<Instant>,
    /// Which of the last messages were refused.
    readability: Readability,
}

impl BatchWriter {
    /// Registers the source with its stream's frontier.
    pub fn new(mut context: SourceContext, source: u16, stats: Arc<SourceStatus>) -> Self {
        context.limits = context.limits.sound();
        // With a clock that is sped up, a wait takes more of its time.
        let wait = context.limits.wait;
        context.limits.wait_max = context
            .clock
            .real(context.limits.wait_max)
            .min(BATCH_WAIT_MAX)
            .max(wait);
        context.frame_bytes_max = context.frame_bytes_max.min(BYTES_CEILING);
        let progress = context
            .in_flight
            .add_source(context.stream, context.clock.now_ms());
        Self {
            context,
            source,
            stats,
            progress,
            hand_on_max: HAND_ON_MAX,
            overdue_since: None,
            filling: None,
            came: 0,
            last_bytes: 0,
            last_rows: 0,
            fills_in: None,
            came_since: None,
            readability: Readability::default(),
        }
    }

    /// The clock that stamps the frames.
    pub fn clock(&self) -> &Clock {
        &self.context.clock
    }

    /// The status of the source.
    pub fn stats(&self) -> &Arc<SourceStatus> {
        &self.stats
    }

    /// How far the source has read.
    pub fn progress(&self) -> &Arc<SourceProgress> {
        &self.progress
    }

    /// The largest frame that is accepted, in bytes.
    pub fn frame_bytes_max(&self) -> usize {
        self.context.frame_bytes_max
    }

    /// Whether a frame of `len` bytes is accepted. If not, it is counted as refused.
    pub fn admits(&mut self, len: usize) -> bool {
        let admitted = len <= self.context.frame_bytes_max;
        if !admitted {
            self.refuse(Refusal::Oversize);
        }
        admitted
    }

    /// Counts a message that is refused. It may be any event, so many of them are a hole.
    pub fn refuse(&mut self, refusal: Refusal) {
        self.stats.refuse(refusal);
        let (earliest_ms, now_ms) = (self.progress.get_ms(), self.context.clock.now_ms());
        self.progress.unread(now_ms, 1);
        let unread = UnreadFrame {
            earliest_ms,
            arrived_ms: now_ms,
            is_keyless: false,
        };
        if let Some(hole) = self.readability.unread(unread) {
            self.progress.unseen(hole);
        }
    }

    /// Takes a frame that was read just now. True if the batch must be handed on now.
    ///
    /// `breathe` is called now and then while this waits for room.
    ///
    /// # Errors
    /// A full batch could not be handed on.
    pub fn push(&mut self, frame: &[u8], breathe: impl FnMut()) -> Result<bool, SourceError> {
        let too_many = |filling: &Filling| {
            filling.batch.bytes.len() + frame.len() > self.context.limits.bytes_max
        };
        if self.filling.as_ref().is_some_and(too_many) {
            self.hand_on(breathe)?;
        }
        let limits = self.context.limits;
        // The frame may have come long before it could be read and stamped, but no earlier than
        // everything that is known to have been read.
        let reached_ms = self.progress.get_ms();
        let Filling { batch, .. } = self.filling.get_or_insert_with(|| {
            let guard = self
                .context
                .in_flight
                .begin(self.context.stream, reached_ms);
            let mut batch = FrameBatch::new(self.context.stream, self.source, guard);
            batch.first_place = self.came;
            let sequences = self.context.in_flight.sequences(self.context.stream);
            batch.ticket = sequences.map(Sequences::ticket);
            batch.sequence_place = batch.ticket.as_ref().map(SequenceTicket::place);
            batch.bytes.reserve(self.last_bytes);
            batch.ends.reserve(self.last_rows);
            batch.earliest_ms.reserve(self.last_rows);
            batch.arrived_ms.reserve(self.last_rows);
            let began = Instant::now();
            Filling {
                batch,
                began,
                since: self.came_since.unwrap_or(began),
            }
        });
        batch.push_unstamped(frame, self.progress.earliest_ms());
        self.readability.read(1, reached_ms);
        self.came += 1;
        if batch.unstamped() >= FRAMES_PER_STAMP {
            batch.stamp(self.context.clock.now_ms());
        }
        Ok(limits.are_reached(batch))
    }

    /// Stamps the frames without a stamp: all of them have been read.
    pub fn stamp(&mut self) {
        if let Some(Filling { batch, .. }) = &mut self.filling
            && batch.unstamped() > 0
        {
            batch.stamp(self.context.clock.now_ms());
        }
    }

    /// How long the batch may still wait (real time); None if there is no batch. A lone frame does
    /// not wait. Where frames follow each other, fewer and larger batches cost far less.
    pub fn patience(&self) -> Option<Duration> {
        let filling = self.filling.as_ref()?;
        Some(self.wait().saturating_sub(filling.began.elapsed()))
    }

    /// How long this batch waits in all.
    fn wait(&self) -> Duration {
        let limits = &self.context.limits;
        match (self.rows(), self.fills_in) {
            (..=1, _) => limits.wait,
            (_, None) => limits.wait_max,
            (_, Some(fills_in)) => fills_in
                .saturating_mul(FILLS)
                .clamp(limits.wait, limits.wait_max),
        }
    }

    /// Frames that are pushed from now on came since then. None: they came just now.
    pub fn came_since(&mut self, since: Option<Instant>) {
        self.came_since = since;
    }

    /// Frames in the batch.
    pub fn rows(&self) -> usize {
        self.filling
            .as_ref()
            .map_or(0, |filling| filling.batch.rows())
    }

    /// Whether the batch has so many frames that more are sure to come, but not so many that the
    /// next batch would not wait its time.
    pub fn is_steady(&self) -> bool {
        self.rows() >= CROWD_ROWS && self.wait() == self.context.limits.wait_max
    }

    /// How long a batch of several frames may wait (real time).
    pub fn wait_max(&self) -> Duration {
        self.context.limits.wait_max
    }

    /// Hands the batch on, if there is one. Waits for room; after the request to shut down only for
    /// a limited time.
    ///
    /// # Errors
    /// The queue is closed, or stayed full after the request to shut down.
    pub fn hand_on(&mut self, mut breathe: impl FnMut()) -> Result<(), SourceError> {
        self.stamp();
        let Some(Filling {
            mut batch, since, ..
        }) = self.filling.take()
        else {
            return Ok(());
        };
        self.fills_in = Some(self.context.limits.fills_in(&batch, since.elapsed()));
        let (frames, bytes, weight) = (batch.rows(), batch.bytes.len(), batch.weight());
        (self.last_rows, self.last_bytes) = (frames, bytes);
        // Counted before anybody can see them, so no verdict is ever counted before its frame.
        self.stats.add_batch(frames as u64, bytes as u64);
        loop {
            batch = match self.context.queue.send_timeout(batch, weight, WAIT_SLICE) {
                Ok(()) => break,
                Err(SendTimeout::Full(batch)) => batch,
                Err(SendTimeout::Closed(batch)) => {
                    // All judges have ended before the sources: a thread died.
                    batch.guard.abandon(Unapplied::ThreadDied);
                    return Err(SourceError::Closed);
                }
            };
            breathe();
            thread_watch::busy();
            if self.context.stop.is_set() {
                let since = *self.overdue_since.get_or_insert_with(Instant::now);
                if since.elapsed() >= self.hand_on_max {
                    let endpoint = self.stats.endpoint().to_owned();
                    batch.guard.abandon(Unapplied::QueueFull);
                    return Err(SourceError::GivenUp { endpoint, frames });
                }
            }
        }
        Ok(())
    }
}

impl Drop for BatchWriter {
    fn drop(&mut self) {
        // A source that ends properly has handed on everything.
        if let Some(Filling { batch, .. }) = self.filling.take() {
            self.stats
                .add_batch(batch.rows() as u64, batch.bytes.len() as u64);
            batch.guard.abandon(Unapplied::SourceFailed);
        }
    }
}

#[cfg(test)]
mod tests;
