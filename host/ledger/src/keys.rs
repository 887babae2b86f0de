//! All keys that are known: those that wait and those that are remembered, found by one look-up.
//!
//! Long: whatever changes a key's place changes the index with it.

use std::hint::black_box;

use crate::identity::Fingerprint;
use crate::index::{EMPTY, Index};
use crate::pending::{Entry, NIL, Pending};
use crate::settled::{Settled, SettledRecord, SettledRecords};
use crate::unlanded::UnlandedFilter;

/// Keys that are prefetched before anything is done with them: more than a processor waits for at once, and so
/// few that what was fetched for them stays in its first cache.
pub(crate) const PREFETCH_KEYS: usize = 32;

/// The bit of a place in the index that marks it as one of remembered keys. Without it, the place is a slot of
/// those that wait, and there is never memory for so many of these (137 GB).
const REMEMBERED: u32 = 1 << 31;

/// Chunks of keys that are forgotten at once because they are old, however many are.
const CHUNKS_FORGOTTEN_MAX: usize = 64;

/// What is known of a key.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Known {
    /// It waits in this slot.
    Waiting(u32),
    Settled(SettledRecord),
}

/// The keys of a shard.
#[derive(Debug)]
pub(crate) struct Keys {
    index: Index,
    pub(crate) pending: Pending,
    remembered: SettledRecords,
    /// Keys that are missing and no longer remembered here: the store knows them.
    unlanded: UnlandedFilter,
    /// What was remembered or changed since it was taken last, in this order.
    log: Vec<SettledRecord>,
}

impl Keys {
    pub(crate) fn new(horizon_ms: i64, settled_max: usize) -> Self {
        Self {
            index: Index::default(),
            pending: Pending::default(),
            remembered: SettledRecords::new(horizon_ms, settled_max),
            unlanded: UnlandedFilter::default(),
            log: Vec::new(),
        }
    }

    /// Takes what was remembered or changed since the last call, in this order.
    pub(crate) fn drain_log(&mut self, out: &mut Vec<SettledRecord>) {
        out.append(&mut self.log);
    }

    /// Remembers what an earlier run did, and stored at `at_ms`. Nothing waits yet. A key that is missing is the store's.
    pub(crate) fn restore(&mut self, record: SettledRecord, at_ms: i64) {
        self.remembered.advance(at_ms);
        if let Some(place) = self.locate(record.key()) {
            self.index.remove(record.hash(), place);
        }
        if !record.is_missing() {
            self.remember_silently(record);
        }
    }

    /// A key that the store knows as missing.
    pub(crate) fn add_unlanded(&mut self, key: Fingerprint) {
        self.unlanded.insert(key.short());
    }

    /// Whether a key that is not known may be one that the store knows as missing.
    #[inline]
    pub(crate) fn may_be_unlanded(&self, key: Fingerprint) -> bool {
        self.unlanded.contains(key.short())
    }

    /// Reads what `find` and what comes after it will read. A key's places are seldom in a processor's cache:
    /// one kind of wait comes after the other, with as few instructions as can be between two of a kind, so
    /// that a processor has many of them under way. At most `PREFETCH_KEYS` keys.
    pub(crate) fn prefetch(&self, keys: impl Iterator<Item = Fingerprint> + Clone) {
        let mut touched = 0;
        for key in keys.clone() {
            touched ^= self.index.touch(key.hash());
        }
        let mut candidates = [EMPTY; PREFETCH_KEYS];
        for (key, candidate) in keys.zip(&mut candidates) {
            *candidate = self.index.candidate(key.hash());
        }
        let mut neighbours = [[NIL; 2]; PREFETCH_KEYS];
        for (&candidate, beside) in candidates.iter().zip(&mut neighbours) {
            if candidate & REMEMBERED == 0 {
                let entry = self.pending.get(candidate);
                *beside = [entry.prev, entry.next];
            }
        }
        for slot in neighbours.into_iter().flatten() {
            if slot != NIL {
                touched ^= self.pending.get(slot).prev;
            }
        }
        black_box(touched);
    }

    pub(crate) fn find(&self, key: Fingerprint) -> Option<Known> {
        self.locate(key).map(|place| {
            let record = self.remembered_at(place);
            record.map_or(Known::Waiting(place), |record| Known::Settled(*record))
        })
    }

    /// The slot of a key that waits.
    pub(crate) fn waiting(&self, key: Fingerprint) -> Option<u32> {
        self.locate(key).filter(|place| place & REMEMBERED == 0)
    }

    fn locate(&self, key: Fingerprint) -> Option<u32> {
        self.index.find(key.hash(), |place| {
            if place & REMEMBERED == 0 {
                return self.pending.get(place).key() == key;
            }
            self.remembered_at(place)
                .is_some_and(|record| record.is_of(key))
        })
    }

    fn remembered_at(&self, place: u32) -> Option<&SettledRecord> {
        if place & REMEMBERED == 0 {
            return None;
        }
        self.remembered.get(place & !REMEMBERED)
    }

    /// A key that is not known waits from now on, in the slot that is answered.
    pub(crate) fn insert(&mut self, entry: Entry) -> u32 {
        let slot = self.pending.insert(entry);
        self.index.insert(entry.hash(), slot);
        slot
    }

    /// The key in the slot, which is in no queue, no longer waits and is remembered.
    pub(crate) fn settle(&mut self, slot: u32, record: SettledRecord) {
        self.log.push(record);
        self.make_room();
        let place = self.remembered.push(record) | REMEMBERED;
        self.index.replace(record.hash(), slot, place);
        self.pending.remove(slot);
    }

    /// A remembered key waits from now on, in the slot that is answered.
    pub(crate) fn wait_anew(&mut self, entry: Entry) -> u32 {
        if let Some(place) = self.locate(entry.key()) {
            // What stays at its place of remembered keys is found by nobody.
            self.index.remove(entry.hash(), place);
        }
        self.insert(entry)
    }

    /// The key in the slot, which is in no queue, no longer waits and is not known.
    pub(crate) fn drop_waiting(&mut self, slot: u32) {
        let hash = self.pending.get(slot).hash();
        self.index.remove(hash, slot);
        self.pending.remove(slot);
    }

    /// A key that is not known is remembered.
    pub(crate) fn remember(&mut self, record: SettledRecord) {
        self.log.push(record);
        self.remember_silently(record);
    }

    fn remember_silently(&mut self, record: SettledRecord) {
        self.make_room();
        let place = self.remembered.push(record) | REMEMBERED;
        self.index.insert(record.hash(), place);
    }

    /// A remembered key is remembered for a whole horizon from now on. `change` may change its
    /// record.
    pub(crate) fn renew(&mut self, key: Fingerprint, change: impl FnOnce(&mut SettledRecord)) {
        let Some(place) = self.locate(key).filter(|place| place & REMEMBERED != 0) else {
            return;
        };
        if self.remembered.stays(place & !REMEMBERED) {
            if let Some(record) = self.remembered.get_mut(place & !REMEMBERED) {
                let before = *record;
                change(record);
                if *record != before {
                    self.log.push(*record);
                }
            }
            return;
        }
        let Some(mut record) = self.remembered_at(place).copied() else {
            return;
        };
        change(&mut record);
        // Out of the index first: a key has one place at most.
        self.index.remove(record.hash(), place);
        self.remember(record);
    }

    #[cfg(test)]
    fn advance(&mut self, now_ms: i64) {
        self.set_time(now_ms);
        self.forget_overdue();
    }

    /// Moves time on, and forgets nothing yet.
    pub(crate) fn set_time(&mut self, now_ms: i64) {
        self.remembered.advance(now_ms);
    }

    /// Forgets what has been remembered for longer than the horizon.
    pub(crate) fn forget_overdue(&mut self) {
        for _ in 0..CHUNKS_FORGOTTEN_MAX {
            if !self.remembered.is_overdue() {
                return;
            }
            self.forget_oldest();
        }
    }

    fn make_room(&mut self) {
        while self.remembered.is_full() {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        let (forgotten, first) = self.remembered.forget_oldest();
        let mut place = first | REMEMBERED;
        for records in forgotten.chunks(PREFETCH_KEYS) {
            let touch = |touched, record: &SettledRecord| touched ^ self.index.touch(record.hash());
            black_box(records.iter().fold(0, touch));
            for record in records {
                let was_there = self.index.remove(record.hash(), place);
                let is_missing = matches!(
                    record.settled(),
                    Settled::Missing | Settled::MissingStored | Settled::Unconfirmed
                );
                if was_there && is_missing {
                    self.unlanded.insert(record.short());
                }
                place += 1;
            }
        }
    }

    /// Keys that are remembered.
    pub(crate) fn settled(&self) -> usize {
        self.index.len() - self.pending.len()
    }

    /// How far back all of them are, in milliseconds.
    pub(crate) fn horizon_ms(&self) -> i64 {
        self.remembered.horizon_ms()
    }

    pub(crate) fn memory_bytes(&self) -> usize {
        self.index.memory_bytes()
            + self.pending.memory_bytes()
            + self.remembered.memory_bytes()
            + self.unlanded.memory_bytes()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;
    use crate::identity::SchemaId;
    use crate::settled::Settled;

    fn key(n: u128) -> Fingerprint {
        Fingerprint((n + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835))
    }

    fn record(n: u128) -> SettledRecord {
        SettledRecord::new(key(n), Settled::Missing, SchemaId(3), 7)
    }

    fn is_settled(keys: &Keys, n: u128) -> bool {
        matches!(keys.find(key(n)), Some(Known::Settled(record)) if record.is_of(key(n)))
    }

    #[test]
    fn a_key_is_remembered_for_the_horizon_and_forgotten_after_one_and_a_half() {
        let mut keys = Keys::new(1000, 1_000_000);
        keys.remember(record(1));
        // What was settled before time was known counts from then on.
        keys.advance(5000);
        for now in (0..=1000).step_by(100) {
            keys.advance(5000 + now);
            keys.remember(record(100 + now as u128));
            assert!(is_settled(&keys, 1), "at {now}");
        }
        for now in (1000..=1600).step_by(100) {
            keys.advance(5000 + now);
            keys.remember(record(5000 + now as u128));
        }
        assert!(!is_settled(&keys, 1));
        keys.advance(i64::MAX - 1);
        assert_eq!(keys.settled(), 0, "nothing is left of a stream that ended");
    }

    #[test]
    fn a_key_that_comes_again_is_remembered_for_a_horizon_from_then_on() {
        let mut keys = Keys::new(1000, 1_000_000);
        keys.remember(record(1));
        for now in (0..10_000).step_by(100) {
            keys.advance(now);
            // Steady traffic, so that chunks come and go.
            keys.remember(record(100 + now as u128));
            if now % 900 == 0 {
                keys.renew(key(1), |_| {});
            }
            let Some(Known::Settled(found)) = keys.find(key(1)) else {
                panic!("forgotten at {now}")
            };
            let found = (found.settled(), found.schema(), found.window());
            assert_eq!(found, (Settled::Missing, SchemaId(3), 7), "at {now}");
        }
        keys.renew(key(1), |record| record.landed(SchemaId(3)));
        let found = keys.find(key(1));
        assert!(
            matches!(found, Some(Known::Settled(record)) if record.settled() == Settled::Landed)
        );
        keys.renew(key(5), |_| {});
        assert!(keys.find(key(5)).is_none(), "nothing is made up");
    }

    #[test]
    fn too_many_keys_cut_the_horizon_short_and_it_says_so() {
        let mut keys = Keys::new(1_000_000, 30);
        for n in 0..100 {
            keys.advance(n * 10);
            if n == 30 {
                assert_eq!(keys.horizon_ms(), 1_000_000);
            }
            keys.remember(record(n as u128));
        }
        assert!(keys.settled() <= 30);
        assert!(is_settled(&keys, 99) && !is_settled(&keys, 10));
        assert!(keys.horizon_ms() <= 300, "{}", keys.horizon_ms());
    }

    #[test]
    fn many_that_are_old_at_once_are_forgotten_bit_by_bit() {
        let mut keys = Keys::new(1000, 1_000_000);
        keys.advance(0);
        let count = (CHUNKS_FORGOTTEN_MAX as u128 + 1) << 10;
        let landed = |n| SettledRecord::new(key(n), Settled::Landed, SchemaId(3), 7);
        (0..count).for_each(|n| keys.remember(landed(n)));
        let grown = keys.memory_bytes();
        keys.advance(10_000);
        assert_eq!(keys.settled(), 1 << 10);
        keys.advance(10_000);
        assert_eq!(keys.settled(), 0);
        assert!(keys.memory_bytes() < grown / 100);
    }

    /// A writer that sends the same rows over and over.
    #[test]
    fn keys_that_come_over_and_over_push_no_other_out() {
        let mut keys = Keys::new(1_000_000, 6144);
        keys.advance(0);
        (0..3000).for_each(|n| keys.remember(record(n)));
        for now in 0..20 {
            keys.advance(now);
            (0..1100).for_each(|n| keys.renew(key(n), |_| {}));
        }
        assert!((0..3000).all(|n| is_settled(&keys, n)));
        assert_eq!(keys.horizon_ms(), 1_000_000);
    }

    #[test]
    fn a_horizon_that_was_cut_before_time_was_known_counts_from_then_on() {
        let mut keys = Keys::new(1000, 30);
        (0..50).for_each(|n| keys.remember(record(n)));
        keys.advance(7000);
        assert_eq!(keys.horizon_ms(), 0);
        keys.advance(7300);
        assert_eq!(keys.horizon_ms(), 300);
    }

    const HORIZON_MS: i64 = 100;
    const SETTLED_MAX: usize = 40;

    #[derive(Clone, Copy, Debug)]
    struct Modelled {
        /// None while it waits.
        settled: Option<Settled>,
        since_ms: i64,
    }

    proptest! {
        /// Against a map: keys wait, settle, come again and are forgotten, in any order, while time goes
        /// on and places begin anew.
        #[test]
        fn what_is_known_of_a_key_is_what_was_last_done_with_it(
            steps in prop::collection::vec((0_u128..60, 0_u8..5), 0..600),
            chunks_before in 0_u32..4,
        ) {
            let mut keys = Keys::new(HORIZON_MS, SETTLED_MAX);
            keys.remembered = SettledRecords::ending_in(HORIZON_MS, SETTLED_MAX, chunks_before);
            let mut model: HashMap<u128, Modelled> = HashMap::new();
            let mut now_ms = 0;
            keys.advance(now_ms);
            for (n, what) in steps {
                let known = keys.find(key(n));
                let modelled = model.get(&n).copied();
                match (known, modelled.map(|modelled| modelled.settled)) {
                    (None, None) => {}
                    (None, Some(Some(_))) => {
                        let age_ms = now_ms - modelled.map_or(0, |modelled| modelled.since_ms);
                        prop_assert!(age_ms >= keys.horizon_ms(), "forgotten after {age_ms}");
                        model.remove(&n);
                    }
                    (Some(Known::Waiting(slot)), Some(None)) => {
                        prop_assert_eq!(keys.pending.get(slot).key(), key(n));
                    }
                    (Some(Known::Settled(record)), Some(Some(settled))) => {
                        prop_assert!(record.is_of(key(n)) && record.settled() == settled);
                        let age_ms = now_ms - modelled.map_or(0, |modelled| modelled.since_ms);
                        prop_assert!(age_ms <= HORIZON_MS * 3 / 2 + 1, "remembered for {age_ms}");
                    }
                    (known, modelled) => prop_assert!(false, "{known:?}, not {modelled:?}"),
                }
                let missing = Modelled { settled: Some(Settled::Missing), since_ms: now_ms };
                match (what, model.get(&n).map(|modelled| modelled.settled)) {
                    (0, None) => {
                        keys.insert(Entry::vacant(key(n)));
                        model.insert(n, Modelled { settled: None, ..missing });
                    }
                    (1, None) => {
                        keys.remember(record(n));
                        model.insert(n, missing);
                    }
                    (2, Some(None)) => {
                        keys.settle(keys.waiting(key(n)).unwrap_or(NIL), record(n));
                        model.insert(n, missing);
                    }
                    (3, Some(Some(_))) => {
                        keys.renew(key(n), |record| record.landed(SchemaId(3)));
                        model.insert(n, Modelled { settled: Some(Settled::Landed), ..missing });
                    }
                    (4, _) => {
                        now_ms += 5;
                        keys.advance(now_ms);
                    }
                    _ => {}
                }
                let waiting = model.values().filter(|one| one.settled.is_none()).count();
                prop_assert_eq!(keys.pending.len(), waiting);
                prop_assert!(keys.settled() <= SETTLED_MAX);
            }
        }
    }
}
