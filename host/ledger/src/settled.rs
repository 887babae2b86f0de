//! Keys whose verdict is given, remembered for a horizon in 16 bytes each, in the order in which they
//! were settled: a new one is written after the last one, and the oldest are forgotten a chunk at a time.
//! Knows the places of keys, not how they are found.
//!
//! A key is kept as 64 of its 128 bits. The chance that a new key is taken for one of `n` remembered
//! ones is n / 2^64: 4e-13 with eight million remembered.

use std::collections::VecDeque;

use crate::identity::{Fingerprint, SchemaId};

/// What became of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Settled {
    /// Landed, whatever its verdict.
    Landed = 0,
    Missing = 1,
    Rejected = 2,
    /// Could not be judged, and has not landed.
    Unjudged = 3,
    /// Landed, and its raw event was never seen.
    Unexpected = 4,
    /// Missing, and only the store knows it: reported by an earlier run, or longer ago than a horizon. Its
    /// window is the store's.
    MissingStored = 5,
    /// Landed, in a row that names no schema.
    LandedUnnamed = 6,
    /// Did not land as far as Landfall saw, and it did not see all the time.
    Unconfirmed = 7,
    /// Landed while nobody watched the raw stream, so its raw event is not known.
    Unwatched = 8,
}

impl Settled {
    /// By a row that names this schema.
    pub(crate) fn landed(schema: SchemaId) -> Self {
        if schema.is_named() {
            Settled::Landed
        } else {
            Settled::LandedUnnamed
        }
    }
}

/// What is remembered of a settled key. A store may keep it for a later run ([`SettledRecord::to_bytes`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SettledRecord {
    key: u64,
    /// State (4 bits), schema (16), window (44, signed).
    packed: u64,
}

/// Enough for windows of a millisecond, for 278 years either way.
const WINDOW_BITS: u32 = 44;
const SCHEMA_BITS: u32 = 16;
const STATE_SHIFT: u32 = WINDOW_BITS + SCHEMA_BITS;

/// The windows that can be remembered; times beyond them are counted in the last one.
pub(crate) const WINDOW_MAX: i64 = (1 << (WINDOW_BITS - 1)) - 1;
pub(crate) const WINDOW_MIN: i64 = -WINDOW_MAX - 1;

impl SettledRecord {
    pub(crate) fn new(key: Fingerprint, settled: Settled, schema: SchemaId, window: i64) -> Self {
        let window = (window as u64) & ((1 << WINDOW_BITS) - 1);
        let packed =
            ((settled as u64) << STATE_SHIFT) | (u64::from(schema.0) << WINDOW_BITS) | window;
        Self {
            key: key.short(),
            packed,
        }
    }

    /// For a store: the key (64 bits), then state, schema and window (64 bits), little-endian.
    pub fn to_bytes(self) -> [u8; 16] {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&self.key.to_le_bytes());
        bytes[8..].copy_from_slice(&self.packed.to_le_bytes());
        bytes
    }

    /// From a store, where schemas had other numbers: `renumbered` gives the one that each has now, if it has one. None if
    /// the record can mean nothing in this run: if windows had another length (not `same_windows`), or the schema has no
    /// name any more, a verdict in its window cannot be revised.
    pub fn from_bytes(
        bytes: [u8; 16],
        renumbered: impl Fn(SchemaId) -> Option<SchemaId>,
        same_windows: bool,
    ) -> Option<Self> {
        let number = u128::from_le_bytes(bytes);
        let record = Self {
            key: number as u64,
            packed: (number >> 64) as u64,
        };
        let schema = renumbered(record.schema());
        let is_same = same_windows && schema.is_some();
        let schema = u64::from(schema.unwrap_or_default().0) << WINDOW_BITS;
        let others = !(u64::from(u16::MAX) << WINDOW_BITS);
        let is_revisable = !matches!(record.settled(), Settled::Landed | Settled::LandedUnnamed);
        let packed = record.packed & others | schema;
        let state = match record.settled() {
            // That it landed is known all the same.
            Settled::Unexpected | Settled::Unwatched if !is_same => Settled::Landed as u64,
            _ if !is_same && is_revisable && !record.is_missing() => return None,
            _ => packed >> STATE_SHIFT,
        };
        Some(Self {
            packed: packed & ((1 << STATE_SHIFT) - 1) | state << STATE_SHIFT,
            ..record
        })
    }

    /// Whether the store has a row of it, in which it has not landed.
    pub(crate) fn is_missing(self) -> bool {
        matches!(
            self.settled(),
            Settled::Missing | Settled::MissingStored | Settled::Unconfirmed
        )
    }

    /// A key that is found as this record's.
    pub(crate) fn key(self) -> Fingerprint {
        Fingerprint(u128::from(self.key) << 32)
    }

    /// State, schema and window, without the key.
    pub(crate) fn packed(self) -> u64 {
        self.packed
    }

    pub(crate) fn from_packed(key: Fingerprint, packed: u64) -> Self {
        Self {
            key: key.short(),
            packed,
        }
    }

    pub(crate) fn short(self) -> u64 {
        self.key
    }

    pub(crate) fn is_of(self, key: Fingerprint) -> bool {
        self.key == key.short()
    }

    /// The same as that of its key.
    pub(crate) fn hash(self) -> u32 {
        self.key as u32
    }

    pub(crate) fn settled(self) -> Settled {
        match self.packed >> STATE_SHIFT {
            1 => Settled::Missing,
            2 => Settled::Rejected,
            3 => Settled::Unjudged,
            4 => Settled::Unexpected,
            5 => Settled::MissingStored,
            6 => Settled::LandedUnnamed,
            7 => Settled::Unconfirmed,
            8 => Settled::Unwatched,
            _ => Settled::Landed,
        }
    }

    pub(crate) fn schema(self) -> SchemaId {
        SchemaId((self.packed >> WINDOW_BITS) as u16)
    }

    pub(crate) fn window(self) -> i64 {
        // Sign-extends.
        ((self.packed << (64 - WINDOW_BITS)) as i64) >> (64 - WINDOW_BITS)
    }

    /// Notes that a row came that names this schema.
    pub(crate) fn landed(&mut self, schema: SchemaId) {
        let state = Settled::landed(schema) as u64;
        self.packed = self.packed & ((1 << STATE_SHIFT) - 1) | state << STATE_SHIFT;
    }
}

/// Remembered keys that are forgotten together.
const CHUNK_KEYS: usize = 1 << 10;

/// Bits of a place, which is counted round and round: the number of a chunk and of a key in it. A
/// place never has the top bit, which is left to whoever keeps places of other things beside them.
const PLACE_BITS: u32 = 30;
const CHUNKS_MASK: u32 = (1 << PLACE_BITS) / CHUNK_KEYS as u32 - 1;

/// Most keys that can be remembered, so that no two have the same place.
const KEYS_MAX: usize = (1 << PLACE_BITS) - 64 * CHUNK_KEYS;

/// Keys in the order in which they were settled.
#[derive(Debug)]
struct Chunk {
    records: Vec<SettledRecord>,
    /// When its first key came, and when one of them came or came again last.
    since_ms: i64,
    last_ms: i64,
}

impl Chunk {
    /// Half a horizon after its first key nothing is remembered anew in a chunk, so that no key is
    /// remembered for more than one and a half.
    fn is_young(&self, now_ms: i64, horizon_ms: i64) -> bool {
        now_ms.saturating_sub(self.since_ms) < (horizon_ms / 2).max(1)
    }
}

/// The remembered keys. A place holds until `forget_oldest` has handed it out.
#[derive(Debug)]
pub(crate) struct SettledRecords {
    /// The oldest first; the last one is written to.
    chunks: VecDeque<Chunk>,
    /// Number of the first one.
    first: u32,
    chunk_keys: usize,
    len: usize,
    settled_max: usize,
    horizon_ms: i64,
    now_ms: i64,
    /// When the last key came that was forgotten before its time.
    cut_ms: Option<i64>,
}

impl SettledRecords {
    pub(crate) fn new(horizon_ms: i64, settled_max: usize) -> Self {
        let settled_max = settled_max.clamp(1, KEYS_MAX);
        Self {
            chunks: VecDeque::new(),
            first: 0,
            chunk_keys: (settled_max / 3).clamp(1, CHUNK_KEYS),
            len: 0,
            settled_max,
            horizon_ms: horizon_ms.max(1),
            now_ms: i64::MIN,
            cut_ms: None,
        }
    }

    /// Moves time on.
    pub(crate) fn advance(&mut self, now_ms: i64) {
        if now_ms == i64::MAX {
            return;
        }
        if self.now_ms == i64::MIN {
            // Nothing was known of time: what was settled until now was settled now.
            for chunk in &mut self.chunks {
                (chunk.since_ms, chunk.last_ms) = (now_ms, now_ms);
            }
            self.cut_ms = self.cut_ms.map(|_| now_ms);
        }
        self.now_ms = self.now_ms.max(now_ms);
    }

    /// Whether the oldest keys have been remembered for longer than the horizon.
    pub(crate) fn is_overdue(&self) -> bool {
        self.chunks
            .front()
            .is_some_and(|chunk| self.now_ms.saturating_sub(chunk.last_ms) > self.horizon_ms)
    }

    /// Whether there is no room for another key.
    pub(crate) fn is_full(&self) -> bool {
        self.len >= self.settled_max
    }

    /// Forgets the oldest keys. Gives them and the place of the first of them; the others follow it. Some of
    /// them may have been remembered at another place since.
    pub(crate) fn forget_oldest(&mut self) -> (Vec<SettledRecord>, u32) {
        let is_early = !self.is_overdue();
        let first = place(self.first, 0);
        let Some(chunk) = self.chunks.pop_front() else {
            return (Vec::new(), first);
        };
        self.first = (self.first + 1) & CHUNKS_MASK;
        self.len -= chunk.records.len();
        if is_early {
            self.cut_ms = self.cut_ms.max(Some(chunk.last_ms));
        }
        (chunk.records, first)
    }

    /// Remembers a key from now on, and where.
    pub(crate) fn push(&mut self, record: SettledRecord) -> u32 {
        let now_ms = self.now_ms;
        let takes_more = |chunk: &Chunk| {
            chunk.records.len() < self.chunk_keys && chunk.is_young(now_ms, self.horizon_ms)
        };
        if !self.chunks.back().is_some_and(takes_more) {
            self.chunks.push_back(Chunk {
                records: Vec::with_capacity(self.chunk_keys),
                since_ms: now_ms,
                last_ms: now_ms,
            });
        }
        self.len += 1;
        let last = self.chunks.len() - 1;
        let chunk = &mut self.chunks[last];
        chunk.last_ms = now_ms;
        chunk.records.push(record);
        place(self.first + last as u32, chunk.records.len() - 1)
    }

    pub(crate) fn get(&self, place: u32) -> Option<&SettledRecord> {
        let (chunk, key) = self.find(place);
        self.chunks.get(chunk)?.records.get(key)
    }

    pub(crate) fn get_mut(&mut self, place: u32) -> Option<&mut SettledRecord> {
        let (chunk, key) = self.find(place);
        self.chunks.get_mut(chunk)?.records.get_mut(key)
    }

    /// Remembers a key for a whole horizon from now on, if it can stay at its place; else it is to be
    /// put at another one. It stays with all that came with it while these are young, so that a key
    /// that comes over and over takes another place once in half a horizon.
    pub(crate) fn stays(&mut self, place: u32) -> bool {
        let (number, _) = self.find(place);
        let (now_ms, horizon_ms) = (self.now_ms, self.horizon_ms);
        let chunk = self.chunks.get_mut(number);
        let young = chunk.filter(|chunk| chunk.is_young(now_ms, horizon_ms));
        young.map(|chunk| chunk.last_ms = now_ms).is_some()
    }

    fn find(&self, place: u32) -> (usize, usize) {
        let number = place / CHUNK_KEYS as u32;
        let chunk = number.wrapping_sub(self.first) & CHUNKS_MASK;
        (chunk as usize, place as usize % CHUNK_KEYS)
    }

    /// How far back everything is remembered, in milliseconds; the configured horizon unless the
    /// count bound cut it short.
    pub(crate) fn horizon_ms(&self) -> i64 {
        self.cut_ms.map_or(self.horizon_ms, |cut_ms| {
            self.now_ms.saturating_sub(cut_ms).clamp(0, self.horizon_ms)
        })
    }

    pub(crate) fn memory_bytes(&self) -> usize {
        self.chunks.len() * self.chunk_keys * size_of::<SettledRecord>()
    }
}

fn place(chunk: u32, key: usize) -> u32 {
    (chunk & CHUNKS_MASK) * CHUNK_KEYS as u32 + key as u32
}

#[cfg(test)]
impl SettledRecords {
    /// After so many chunks places begin anew.
    pub(crate) fn ending_in(horizon_ms: i64, settled_max: usize, chunks: u32) -> Self {
        Self {
            first: CHUNKS_MASK - chunks,
            ..Self::new(horizon_ms, settled_max)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(n: u128) -> Fingerprint {
        Fingerprint(n << 40)
    }

    #[test]
    fn a_memory_holds_state_schema_and_window_of_either_sign() {
        for window in [
            0,
            1,
            -1,
            4_000_000_000,
            -4_000_000_000,
            WINDOW_MIN,
            WINDOW_MAX,
        ] {
            let mut record =
                SettledRecord::new(key(7), Settled::Rejected, SchemaId(65_535), window);
            assert_eq!(
                (record.settled(), record.schema(), record.window()),
                (Settled::Rejected, SchemaId(65_535), window)
            );
            record.landed(SchemaId(3));
            assert_eq!(
                (record.settled(), record.schema(), record.window()),
                (Settled::Landed, SchemaId(65_535), window)
            );
        }
    }

    #[test]
    fn places_are_counted_round_and_round() {
        let mut remembered = SettledRecords::ending_in(1000, 3 * CHUNK_KEYS, 1);
        let record = |n: u128| SettledRecord::new(key(n), Settled::Landed, SchemaId(0), n as i64);
        let keys = 2 * CHUNK_KEYS as u128 + 5;
        let places: Vec<u32> = (0..keys).map(|n| remembered.push(record(n))).collect();
        assert!(places.iter().all(|place| place >> PLACE_BITS == 0));
        let window = |remembered: &SettledRecords, n: usize| {
            remembered.get(places[n]).map(|record| record.window())
        };
        for n in 0..places.len() {
            assert_eq!(window(&remembered, n), Some(n as i64));
        }
        let (forgotten, first) = remembered.forget_oldest();
        let windows = forgotten.iter().map(|record| record.window());
        assert!(windows.eq(0..CHUNK_KEYS as i64));
        assert!(
            (first..)
                .zip(&places[..CHUNK_KEYS])
                .all(|(place, there)| place == *there)
        );
        assert_eq!(window(&remembered, 0), None);
        assert_eq!(window(&remembered, CHUNK_KEYS), Some(CHUNK_KEYS as i64));
    }
}
