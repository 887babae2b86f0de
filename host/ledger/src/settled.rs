//! Keys whose verdict is given, remembered for a horizon in 16 bytes each.
//!
//! A key is kept as 64 of its 128 bits. The chance that a new key is taken for one of `n` remembered
//! ones is n / 2^64: 4e-13 with eight million remembered. Forgetting drops whole generations.

use hashbrown::HashTable;

use crate::identity::{Fingerprint, SchemaId};

/// Generations kept. Each spans half the horizon, so that a key is remembered for 1 to 1.5 horizons.
const GENERATIONS: usize = 3;

/// What became of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Settled {
    /// Landed, whatever else was said of it.
    Landed = 0,
    Missing = 1,
    Rejected = 2,
    /// Could not be judged, and has not landed.
    Unjudged = 3,
    /// Landed, and its raw event was never seen.
    Unexpected = 4,
}

/// A remembered key.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Memory {
    key: u64,
    /// State (3 bits), schema (16), window (45, signed).
    packed: u64,
}

/// Enough for windows of a millisecond, five centuries either way.
const WINDOW_BITS: u32 = 45;
const SCHEMA_BITS: u32 = 16;
const STATE_SHIFT: u32 = WINDOW_BITS + SCHEMA_BITS;

/// The windows that can be remembered; times beyond them are counted in the last one.
pub(crate) const WINDOW_MAX: i64 = (1 << (WINDOW_BITS - 1)) - 1;
pub(crate) const WINDOW_MIN: i64 = -WINDOW_MAX - 1;

impl Memory {
    pub(crate) fn new(key: Fingerprint, settled: Settled, schema: SchemaId, window: i64) -> Self {
        let window = (window as u64) & ((1 << WINDOW_BITS) - 1);
        let packed =
            ((settled as u64) << STATE_SHIFT) | (u64::from(schema.0) << WINDOW_BITS) | window;
        Self {
            key: short(key),
            packed,
        }
    }

    pub(crate) fn settled(self) -> Settled {
        match self.packed >> STATE_SHIFT {
            1 => Settled::Missing,
            2 => Settled::Rejected,
            3 => Settled::Unjudged,
            4 => Settled::Unexpected,
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

    pub(crate) fn landed(&mut self) {
        self.packed &= (1 << STATE_SHIFT) - 1;
    }
}

/// The bits that are kept: other ones than the shard's and the pending table's low ones alone.
fn short(key: Fingerprint) -> u64 {
    (key.0 >> 32) as u64
}

#[derive(Debug, Default)]
struct Bucket {
    table: HashTable<Memory>,
    /// When its first key came.
    since_ms: i64,
}

/// The remembered keys.
#[derive(Debug)]
pub(crate) struct Remembered {
    /// The newest first.
    buckets: [Bucket; GENERATIONS],
    span_ms: i64,
    bucket_max: usize,
    now_ms: i64,
}

impl Remembered {
    pub(crate) fn new(horizon_ms: i64, settled_max: usize) -> Self {
        Self {
            buckets: Default::default(),
            span_ms: (horizon_ms / 2).max(1),
            bucket_max: (settled_max / GENERATIONS).max(1),
            now_ms: i64::MIN,
        }
    }

    /// Moves time on; whole generations beyond the horizon are forgotten.
    pub(crate) fn advance(&mut self, now_ms: i64) {
        if now_ms == i64::MAX {
            return;
        }
        self.now_ms = self.now_ms.max(now_ms);
        let newest = &self.buckets[0];
        if !newest.table.is_empty() && self.now_ms.saturating_sub(newest.since_ms) >= self.span_ms {
            self.rotate();
        }
    }

    fn rotate(&mut self) {
        // Room for as many as came last time, so that it need not grow while keys come in.
        let room = self.buckets[0].table.len().min(self.bucket_max);
        self.buckets.rotate_right(1);
        self.buckets[0] = Bucket {
            table: HashTable::with_capacity(room),
            since_ms: self.now_ms,
        };
    }

    pub(crate) fn insert(
        &mut self,
        key: Fingerprint,
        settled: Settled,
        schema: SchemaId,
        window: i64,
    ) {
        self.put(Memory::new(key, settled, schema, window));
    }

    fn put(&mut self, memory: Memory) {
        if self.buckets[0].table.len() >= self.bucket_max {
            self.rotate();
        }
        let newest = &mut self.buckets[0];
        if newest.table.is_empty() {
            newest.since_ms = self.now_ms;
        }
        newest
            .table
            .insert_unique(memory.key, memory, |memory| memory.key);
    }

    pub(crate) fn find(&mut self, key: Fingerprint) -> Option<&mut Memory> {
        let short = short(key);
        self.buckets
            .iter_mut()
            .find_map(|bucket| bucket.table.find_mut(short, |memory| memory.key == short))
    }

    /// Looks where the key would be, for nothing but that it was looked at.
    pub(crate) fn look(&self, key: Fingerprint) -> bool {
        let short = short(key);
        let mut is_there = false;
        for bucket in &self.buckets {
            is_there |= bucket.table.find(short, |_| true).is_some();
        }
        is_there
    }

    /// Remembers a known key for a whole horizon from now on.
    pub(crate) fn renew(&mut self, key: Fingerprint) {
        let short = short(key);
        // In the newest generation it already is as good as new.
        for place in 1..GENERATIONS {
            let found = self.buckets[place]
                .table
                .find_entry(short, |memory| memory.key == short);
            if let Ok(entry) = found {
                let (memory, _) = entry.remove();
                self.put(memory);
                return;
            }
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.buckets.iter().map(|bucket| bucket.table.len()).sum()
    }

    /// How far back everything is remembered, in milliseconds; the configured horizon unless the
    /// count bound cut it short.
    pub(crate) fn horizon_ms(&self) -> i64 {
        let oldest = &self.buckets[GENERATIONS - 1];
        if oldest.table.is_empty() {
            return self.span_ms * 2;
        }
        self.now_ms
            .saturating_sub(oldest.since_ms)
            .min(self.span_ms * 2)
    }

    pub(crate) fn memory_bytes(&self) -> usize {
        self.buckets
            .iter()
            .map(|bucket| bucket.table.allocation_size())
            .sum()
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
            let mut memory = Memory::new(key(7), Settled::Rejected, SchemaId(65_535), window);
            assert_eq!(
                (memory.settled(), memory.schema(), memory.window()),
                (Settled::Rejected, SchemaId(65_535), window)
            );
            memory.landed();
            assert_eq!(
                (memory.settled(), memory.schema(), memory.window()),
                (Settled::Landed, SchemaId(65_535), window)
            );
        }
    }

    #[test]
    fn a_key_is_remembered_for_the_horizon_and_forgotten_after_one_and_a_half() {
        let mut remembered = Remembered::new(1000, 1_000_000);
        remembered.advance(0);
        remembered.insert(key(1), Settled::Landed, SchemaId(0), 0);
        for now in (0..=1000).step_by(100) {
            remembered.advance(now);
            remembered.insert(key(100 + now as u128), Settled::Landed, SchemaId(0), 0);
            assert!(remembered.find(key(1)).is_some(), "at {now}");
        }
        for now in (1000..=1600).step_by(100) {
            remembered.advance(now);
            remembered.insert(key(5000 + now as u128), Settled::Landed, SchemaId(0), 0);
        }
        assert!(remembered.find(key(1)).is_none());
    }

    #[test]
    fn a_key_that_comes_again_is_remembered_for_a_horizon_from_then_on() {
        let mut remembered = Remembered::new(1000, 1_000_000);
        remembered.insert(key(1), Settled::Missing, SchemaId(3), 7);
        for now in (0..10_000).step_by(100) {
            remembered.advance(now);
            // Steady traffic, so that generations come and go.
            remembered.insert(key(100 + now as u128), Settled::Landed, SchemaId(0), 0);
            if now % 900 == 0 {
                remembered.renew(key(1));
            }
            let found = remembered
                .find(key(1))
                .map(|memory| (memory.settled(), memory.schema(), memory.window()));
            assert_eq!(found, Some((Settled::Missing, SchemaId(3), 7)), "at {now}");
        }
        remembered.renew(key(5));
        assert!(remembered.find(key(5)).is_none(), "nothing is made up");
    }

    #[test]
    fn too_many_keys_cut_the_horizon_short_and_it_says_so() {
        let mut remembered = Remembered::new(1_000_000, 30);
        for n in 0..100 {
            remembered.advance(n * 10);
            remembered.insert(key(n as u128), Settled::Landed, SchemaId(0), 0);
        }
        assert!(remembered.len() <= 30);
        assert!(remembered.find(key(99)).is_some());
        assert!(remembered.find(key(10)).is_none());
        assert!(
            remembered.horizon_ms() <= 300,
            "{}",
            remembered.horizon_ms()
        );
    }
}
