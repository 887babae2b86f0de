//! Frames of one source, packed: one contiguous buffer, end offsets, arrival times.
//!
//! When a frame came is known as a stretch: no earlier than everything that had been read before it, and
//! no later than it was read itself. While its source is awake that is as short as a look at the socket
//! is young; after a pause it is as long as the pause.

use std::time::Duration;

use super::{InFlight, InFlightGuard};
use landfall_ledger::Stream;

/// What a batch holds beside its frames' bytes, per frame: an offset and between when it arrived.
const ROW_OVERHEAD_BYTES: usize = size_of::<u32>() + 2 * size_of::<i64>();

/// Frames that arrived one after the other from one source.
#[derive(Debug)]
pub struct FrameBatch {
    pub stream: Stream,
    /// Index of the source among those of its stream: its endpoint's place in the configuration.
    pub source: u16,
    /// All frames, each as it came (a trailing newline belongs to it).
    pub bytes: Vec<u8>,
    /// Frame `i` is `bytes[ends[i-1]..ends[i]]`.
    pub ends: Vec<u32>,
    /// The earliest instant at which each frame can have come; no later than the next.
    pub earliest_ms: Vec<i64>,
    /// When each frame had been read, in milliseconds by Landfall's clock; never falls. It is complete
    /// once the batch is handed on.
    pub arrived_ms: Vec<i64>,
    /// How many frames of its source came before its first one, since the source was opened. (Of a batch
    /// made of some frames of another one it says nothing: those were spooled with their places.)
    pub first_place: u64,
    /// Keeps the stream's frontier at or before the first arrival until it is dropped.
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
            guard,
        }
    }

    /// An empty batch for some of the frames of another one, which its flight waits for as well.
    pub fn like(other: &FrameBatch) -> Self {
        Self::new(other.stream, other.source, other.guard.clone())
    }

    /// A batch that no source made and no frontier waits for: for measuring.
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

    /// What it weighs in a queue, in bytes.
    pub fn weight(&self) -> usize {
        self.bytes.len() + self.rows() * ROW_OVERHEAD_BYTES
    }

    /// Appends a frame of which is known when it came. The caller keeps a batch below 4 GiB by
    /// [`BatchLimits`].
    pub fn push(&mut self, frame: &[u8], arrived_ms: i64) {
        self.push_unstamped(frame, arrived_ms);
        self.stamp(arrived_ms);
    }

    /// Appends a frame of another batch, with when it came.
    pub fn push_row(&mut self, other: &FrameBatch, row: usize) {
        let arrived_ms = other.arrived_ms.get(row).copied().unwrap_or_default();
        let earliest_ms = other.earliest_ms.get(row).copied();
        self.push_unstamped(other.frame(row), earliest_ms.unwrap_or(arrived_ms));
        self.stamp(arrived_ms);
    }

    /// Appends a frame that was read just now, and came at `earliest_ms` at the earliest.
    pub(crate) fn push_unstamped(&mut self, frame: &[u8], earliest_ms: i64) {
        self.bytes.extend_from_slice(frame);
        // Both terms are bounded by constants whose sum fits; see `BYTES_CEILING`.
        self.ends.push(self.bytes.len() as u32);
        self.earliest_ms.push(earliest_ms);
    }

    /// Frames that were not stamped yet.
    pub(crate) fn unstamped(&self) -> usize {
        self.ends.len() - self.arrived_ms.len()
    }

    /// They have all been read by `now_ms`.
    pub(crate) fn stamp(&mut self, now_ms: i64) {
        self.arrived_ms.resize(self.ends.len(), now_ms);
    }
}

/// Highest `frame_bytes_max` that can be configured: no event of any known pipeline is near it.
pub const FRAME_BYTES_CEILING: usize = 16 << 20;

/// Highest `bytes_max` of a batch, and highest size of a frame: together they fit an offset.
pub const BYTES_CEILING: usize = 1 << 30;
const _: () = assert!(2 * BYTES_CEILING <= u32::MAX as usize);

/// No batch waits longer (real time). Its source sleeps meanwhile, and one that did not look at its socket
/// for a second does not know at once how far it is (`watermark::SETTLE`).
pub const BATCH_WAIT_MAX: Duration = Duration::from_millis(500);

/// When a batch is handed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchLimits {
    /// As soon as it has this many frames.
    pub rows_max: usize,
    /// Before its bytes exceed this; a larger frame goes alone.
    pub bytes_max: usize,
    /// When its first frame has waited this long (real time) and is alone.
    pub wait: Duration,
    /// When its first frame has waited this long (real time), and others have come; sooner at the end
    /// of a flood.
    pub wait_max: Duration,
}

impl BatchLimits {
    /// The same within what a batch can hold.
    pub(crate) fn sound(self) -> Self {
        Self {
            rows_max: self.rows_max.max(1),
            bytes_max: self.bytes_max.clamp(1, BYTES_CEILING),
            wait: self.wait,
            wait_max: self.wait_max.max(self.wait),
        }
    }

    /// How long a batch takes to fill at the pace of this one, whose frames came in `time`.
    pub(crate) fn fills_in(&self, batch: &FrameBatch, time: Duration) -> Duration {
        let by_rows = batch.rows() as f64 / self.rows_max as f64;
        let by_bytes = batch.bytes.len() as f64 / self.bytes_max as f64;
        let seconds = time.as_secs_f64() / by_rows.max(by_bytes);
        Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
    }

    /// Whether a batch is to be handed on without waiting for more.
    pub(crate) fn are_reached(&self, batch: &FrameBatch) -> bool {
        batch.rows() >= self.rows_max || batch.bytes.len() >= self.bytes_max
    }
}
