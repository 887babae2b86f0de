//! Frames of one source, packed into one contiguous buffer with end offsets and arrival times.
//!
//! The arrival of a frame is known as an interval: it came no earlier than everything that had been
//! read before it, and no later than it was read itself. While its source is awake, the interval is
//! as short as the time since the last look at the socket. After a pause it is as long as the
//! pause.

use std::time::Duration;

use super::{InFlight, InFlightGuard, SequenceTicket};
use landfall_ledger::{PayloadRef, Stream};

/// What a batch holds for each frame beside its bytes: an offset, and the two ends of its arrival
/// interval.
const ROW_OVERHEAD_BYTES: usize = size_of::<u32>() + 2 * size_of::<i64>();

/// Frames that arrived one after the other from one source.
#[derive(Debug)]
pub struct FrameBatch {
    pub stream: Stream,
    /// Index of the source among the sources of its stream: its endpoint's place in the
    /// configuration.
    pub source: u16,
    /// All frames, each as it came (including a trailing newline).
    pub bytes: Vec<u8>,
    /// Frame `i` is `bytes[ends[i-1]..ends[i]]`.
    pub ends: Vec<u32>,
    /// The earliest instant at which each frame can have come. It falls from one frame to the next only where a
    /// network begins to let through what it held back.
    pub earliest_ms: Vec<i64>,
    /// When each frame had been read, in milliseconds by Landfall's clock. Never falls. Complete
    /// once the batch is handed on.
    pub arrived_ms: Vec<i64>,
    /// How many frames came from its source before its first frame, since the source was opened.
    /// (It means nothing in a batch made of some frames of another one: those were spooled with
    /// their places.)
    pub first_place: u64,
    /// Where the spool has the frames, if they are there already; else empty.
    pub spooled: Vec<PayloadRef>,
    /// An earlier run had read them: they came then.
    pub is_restored: bool,
    /// Its place among the batches of its stream, if their sources number what they send and its numbers were not
    /// taken yet.
    pub ticket: Option<SequenceTicket>,
    /// The place of the batch in which its frames came, of a stream whose sources number what they send. It stays with
    /// frames that are tried again.
    pub sequence_place: Option<u64>,
    /// Keeps the stream's frontier at or before the first arrival until the last clone is dropped.
    pub guard: InFlightGuard,
}

impl FrameBatch {
    pub(crate) fn new(stream: Stream, source: u16, guard: InFlightGuard) -> Self {
        Self {
            stream,
            source,
            bytes: Vec::new(),
            ends: Vec::new(),
            earliest_ms: Vec::new(),
            arrived_ms: Vec::new(),
            first_place: 0,
            spooled: Vec::new(),
            is_restored: false,
            ticket: None,
            sequence_place: None,
            guard,
        }
    }

    /// An empty batch for some frames of another batch. It shares the in-flight guard of that
    /// batch.
    pub fn like(other: &FrameBatch) -> Self {
        Self {
            is_restored: other.is_restored,
            sequence_place: other.sequence_place,
            ..Self::new(other.stream, other.source, other.guard.clone())
        }
    }

    /// A batch without a source, for which no frontier waits: for benchmarks and tests.
    pub fn detached(stream: Stream) -> Self {
        Self::new(stream, 0, InFlight::default().begin(stream, 0))
    }

    /// Number of frames.
    pub fn rows(&self) -> usize {
        self.ends.len()
    }

    /// Frame `row` as it came; empty if there is no such row.
    pub fn frame(&self, row: usize) -> &[u8] {
        let start = match row.checked_sub(1) {
            None => Some(&0),
            Some(before) => self.ends.get(before),
        };
        match (start, self.ends.get(row)) {
            (Some(&start), Some(&end)) => self
                .bytes
                .get(start as usize..end as usize)
                .unwrap_or_default(),
            _ => &[],
        }
    }

    /// The size of the batch in a queue, in bytes.
    pub fn weight(&self) -> usize {
        self.bytes.len() + self.rows() * ROW_OVERHEAD_BYTES
    }

    /// Appends a frame whose arrival is known. The caller keeps a batch below 4 GiB by
    /// [`BatchLimits`].
    pub fn push(&mut self, frame: &[u8], arrived_ms: i64) {
        self.push_restored(frame, arrived_ms, arrived_ms);
    }

    /// Appends a frame whose arrival interval is known.
    pub fn push_restored(&mut self, frame: &[u8], earliest_ms: i64, arrived_ms: i64) {
        self.push_unstamped(frame, earliest_ms);
        self.stamp(arrived_ms);
    }

    /// Appends a frame of another batch, with its arrival interval.
    pub fn push_row(&mut self, other: &FrameBatch, row: usize) {
        let arrived_ms = other.arrived_ms.get(row).copied().unwrap_or_default();
        let earliest_ms = other.earliest_ms.get(row).copied();
        self.push_restored(
            other.frame(row),
            earliest_ms.unwrap_or(arrived_ms),
            arrived_ms,
        );
    }

    /// Appends a frame that was read just now and came no earlier than `earliest_ms`.
    pub(crate) fn push_unstamped(&mut self, frame: &[u8], earliest_ms: i64) {
        self.bytes.extend_from_slice(frame);
        // Both terms are bounded by constants whose sum fits; see `BYTES_CEILING`.
        self.ends.push(self.bytes.len() as u32);
        self.earliest_ms.push(earliest_ms);
    }

    /// The number of frames without a stamp.
    pub(crate) fn unstamped(&self) -> usize {
        self.ends.len() - self.arrived_ms.len()
    }

    /// Stamps these frames: they have all been read by `now_ms`.
    pub(crate) fn stamp(&mut self, now_ms: i64) {
        self.arrived_ms.resize(self.ends.len(), now_ms);
    }
}

/// Highest `frame_bytes_max` that can be configured. No event of any known pipeline is near it.
pub const FRAME_BYTES_CEILING: usize = 16 << 20;

/// Highest `bytes_max` of a batch, and highest size of a frame. Their sum fits an offset.
pub const BYTES_CEILING: usize = 1 << 30;
const _: () = assert!(2 * BYTES_CEILING <= u32::MAX as usize);

/// No batch waits longer (real time). Its source sleeps meanwhile. A source that did not look at
/// its socket for a second does not know at once how far it has read (`watermark::SETTLE`).
pub const BATCH_WAIT_MAX: Duration = Duration::from_millis(500);

/// When a batch is handed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchLimits {
    /// As soon as it has this many frames.
    pub rows_max: usize,
    /// Before its bytes exceed this; a larger frame goes alone.
    pub bytes_max: usize,
    /// When its only frame has waited this long (real time).
    pub wait: Duration,
    /// When its first frame has waited this long (real time), if it has more than one. Sooner at
    /// the end of a flood.
    pub wait_max: Duration,
}

impl BatchLimits {
    /// The same limits, bounded by what a batch can hold.
    pub(crate) fn sound(self) -> Self {
        Self {
            rows_max: self.rows_max.max(1),
            bytes_max: self.bytes_max.clamp(1, BYTES_CEILING),
            wait: self.wait,
            wait_max: self.wait_max.max(self.wait),
        }
    }

    /// How long a batch takes to fill at the pace of this batch, whose frames came in `time`.
    pub(crate) fn fills_in(&self, batch: &FrameBatch, time: Duration) -> Duration {
        let by_rows = batch.rows() as f64 / self.rows_max as f64;
        let by_bytes = batch.bytes.len() as f64 / self.bytes_max as f64;
        let seconds = time.as_secs_f64() / by_rows.max(by_bytes);
        Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
    }

    /// Whether a batch is handed on without waiting for more frames.
    pub(crate) fn are_reached(&self, batch: &FrameBatch) -> bool {
        batch.rows() >= self.rows_max || batch.bytes.len() >= self.bytes_max
    }
}
