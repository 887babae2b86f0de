//! Where the known keys are: a hash table from a key's hash to the place of what is known of it.
//!
//! A bucket of the table is one cache line, so that a look-up waits for memory once, whatever the answer. The
//! bucket of a key is as far into the table as its hash is into all hashes, and a full bucket overflows into
//! the next: so the table is sorted by bucket, and growing it reads and writes straight through. Knows neither
//! keys nor entries; the caller decides whether a place is the right one.

use std::hint::black_box;

/// Places in a bucket.
const PLACES: usize = 8;

/// No place.
pub(crate) const EMPTY: u32 = u32::MAX;

/// The table grows when more of its places than this are taken, in sixteenths. Beyond it, too many buckets
/// overflow.
const FULL_16THS: usize = 13;

/// A table this small is not made smaller.
const BUCKETS_MIN: usize = 8;

/// Eight hashes, and the places that belong to them: first those that are taken, then empty ones.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
struct Bucket {
    hashes: [u32; PLACES],
    places: [u32; PLACES],
}

const _: () = assert!(size_of::<Bucket>() == 64);

impl Bucket {
    const EMPTY: Self = Self {
        hashes: [0; PLACES],
        places: [EMPTY; PLACES],
    };

    /// A mask with one bit for each place that has the hash; empty places may be among them.
    fn with_hash(&self, hash: u32) -> u32 {
        let mut places = 0;
        for (place, other) in self.hashes.iter().enumerate() {
            places |= u32::from(*other == hash) << place;
        }
        places
    }

    fn is_full(&self) -> bool {
        self.places[PLACES - 1] != EMPTY
    }

    fn len(&self) -> usize {
        self.places.iter().filter(|place| **place != EMPTY).count()
    }

    /// Takes a place out; the last one moves to where it was.
    fn take_out(&mut self, place: usize) {
        let last = self.len() - 1;
        self.hashes[place] = self.hashes[last];
        self.places[place] = self.places[last];
        self.hashes[last] = 0;
        self.places[last] = EMPTY;
    }
}

/// The table. `Default` allocates nothing.
#[derive(Debug, Default)]
pub(crate) struct Index {
    buckets: Vec<Bucket>,
    len: usize,
}

impl Index {
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Reads something of the bucket where a key belongs, with as few instructions as can be: only so that
    /// its cache line is fetched.
    #[inline]
    pub(crate) fn touch(&self, hash: u32) -> u32 {
        let bucket = self.buckets.get(self.home(hash));
        bucket.map_or(0, |bucket| bucket.hashes[0])
    }

    /// The first place with that hash in the bucket where it belongs, right or not; `EMPTY` if there is
    /// none. Waits for that bucket alone, and has the next one fetched if a search would go on there.
    #[inline]
    pub(crate) fn candidate(&self, hash: u32) -> u32 {
        let home = self.home(hash);
        let Some(bucket) = self.buckets.get(home) else {
            return EMPTY;
        };
        let places = bucket.with_hash(hash);
        if places != 0 {
            return bucket.places[places.trailing_zeros() as usize % PLACES];
        }
        if bucket.is_full() {
            black_box(self.buckets[self.next(home)].hashes[0]);
        }
        EMPTY
    }

    /// The place with that hash that is the right one.
    pub(crate) fn find(&self, hash: u32, is_right: impl Fn(u32) -> bool) -> Option<u32> {
        self.locate(hash, is_right)
            .map(|(bucket, place)| self.buckets[bucket].places[place])
    }

    /// The bucket, and the place in it.
    fn locate(&self, hash: u32, is_right: impl Fn(u32) -> bool) -> Option<(usize, usize)> {
        let mut at = self.home(hash);
        loop {
            let bucket = self.buckets.get(at)?;
            let mut places = bucket.with_hash(hash);
            while places != 0 {
                let place = places.trailing_zeros() as usize % PLACES;
                if bucket.places[place] != EMPTY && is_right(bucket.places[place]) {
                    return Some((at, place));
                }
                places &= places - 1;
            }
            if !bucket.is_full() {
                return None;
            }
            at = self.next(at);
        }
    }

    /// Adds a key that is not there.
    pub(crate) fn insert(&mut self, hash: u32, place: u32) {
        if self.len >= room(self.buckets.len()) {
            // By a quarter: growing costs little, and leaves the table more than three fifths full.
            self.rebuild(self.buckets.len() + self.buckets.len() / 4);
        }
        self.put(hash, place);
        self.len += 1;
    }

    /// What is known of a key has another place now.
    pub(crate) fn replace(&mut self, hash: u32, place: u32, by: u32) {
        if let Some((bucket, at)) = self.locate(hash, |other| other == place) {
            self.buckets[bucket].places[at] = by;
        }
    }

    /// Takes a key out, if it still is at that place; whether it was.
    pub(crate) fn remove(&mut self, hash: u32, place: u32) -> bool {
        let Some((at, place)) = self.locate(hash, |other| other == place) else {
            return false;
        };
        let was_full = self.buckets[at].is_full();
        self.buckets[at].take_out(place);
        if was_full {
            self.close_up(at);
        }
        self.len -= 1;
        if self.buckets.len() > BUCKETS_MIN && self.len < room(self.buckets.len()) / 4 {
            self.rebuild(self.buckets.len() / 2);
        }
        true
    }

    /// A bucket is no longer full: what overflowed from it comes back, or a look-up would end before it
    /// finds that.
    fn close_up(&mut self, mut hole: usize) {
        let count = self.buckets.len();
        let (mut at, mut distance) = (hole, 0);
        loop {
            (at, distance) = (self.next(at), distance + 1);
            let bucket = self.buckets[at];
            let belongs_back = |hash: &u32| (at + count - self.home(*hash)) % count >= distance;
            let back = bucket.hashes[..bucket.len()].iter().position(belongs_back);
            if let Some(place) = back {
                let end = self.buckets[hole].len();
                self.buckets[hole].hashes[end] = bucket.hashes[place];
                self.buckets[hole].places[end] = bucket.places[place];
                self.buckets[at].take_out(place);
                (hole, distance) = (at, 0);
            }
            if !bucket.is_full() {
                return;
            }
        }
    }

    fn put(&mut self, hash: u32, place: u32) {
        let mut at = self.home(hash);
        while self.buckets[at].is_full() {
            at = self.next(at);
        }
        let bucket = &mut self.buckets[at];
        let end = bucket.len();
        bucket.hashes[end] = hash;
        bucket.places[end] = place;
    }

    #[cold]
    #[inline(never)]
    fn rebuild(&mut self, buckets: usize) {
        let buckets = vec![Bucket::EMPTY; buckets.max(BUCKETS_MIN)];
        // Keys of a bucket nearly always come one after the other: where the last one was put is known.
        let (mut at, mut end) = (0, 0);
        for bucket in std::mem::replace(&mut self.buckets, buckets) {
            for (hash, place) in bucket.hashes.into_iter().zip(bucket.places) {
                if place == EMPTY {
                    break;
                }
                let home = self.home(hash);
                if home != at {
                    (at, end) = (home, self.buckets[home].len());
                }
                if end == PLACES {
                    self.put(hash, place);
                    continue;
                }
                let bucket = &mut self.buckets[at];
                bucket.hashes[end] = hash;
                bucket.places[end] = place;
                end += 1;
            }
        }
    }

    /// The bucket of a hash: as far into the table as the hash is into all hashes.
    fn home(&self, hash: u32) -> usize {
        ((u64::from(hash) * self.buckets.len() as u64) >> u32::BITS) as usize
    }

    fn next(&self, bucket: usize) -> usize {
        let next = bucket + 1;
        if next == self.buckets.len() { 0 } else { next }
    }

    pub(crate) fn memory_bytes(&self) -> usize {
        self.buckets.capacity() * size_of::<Bucket>()
    }
}

/// How many keys may be in so many buckets: some place is always empty, so that every search ends.
fn room(buckets: usize) -> usize {
    buckets * PLACES * FULL_16THS / 16
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What is done to the table: adding the next place under a hash, or taking out one of those there.
    #[derive(Clone, Debug)]
    enum Step {
        Insert(u32),
        Remove(prop::sample::Index),
        Replace(prop::sample::Index),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        // Few hashes, at both ends of the table and between: lines overflow, the last one into the first.
        let hash = prop_oneof![
            0_u32..4,
            (u32::MAX - 3)..=u32::MAX,
            any::<u32>().prop_map(|hash| hash & 0xF000_0000),
            any::<u32>(),
        ];
        let step = prop_oneof![
            3 => hash.prop_map(Step::Insert),
            2 => any::<prop::sample::Index>().prop_map(Step::Remove),
            1 => any::<prop::sample::Index>().prop_map(Step::Replace),
        ];
        prop::collection::vec(step, 0..400)
    }

    fn holds_all(index: &Index, there: &[(u32, u32)]) -> Result<(), TestCaseError> {
        prop_assert_eq!(index.len(), there.len());
        for &(hash, place) in there {
            prop_assert_eq!(index.find(hash, |other| other == place), Some(place));
            prop_assert_eq!(index.find(hash, |_| false), None);
        }
        let taken: usize = index.buckets.iter().map(Bucket::len).sum();
        prop_assert_eq!(taken, there.len(), "nothing stands there twice");
        Ok(())
    }

    proptest! {
        #[test]
        fn what_was_put_in_is_found_until_it_is_taken_out(steps in steps()) {
            let mut index = Index::default();
            let mut there: Vec<(u32, u32)> = Vec::new();
            for (number, step) in steps.into_iter().enumerate() {
                let number = number as u32;
                match step {
                    Step::Insert(hash) => {
                        index.insert(hash, number);
                        there.push((hash, number));
                    }
                    Step::Remove(which) if !there.is_empty() => {
                        let (hash, place) = there.swap_remove(which.index(there.len()));
                        index.remove(hash, place);
                        index.remove(hash, place);
                        prop_assert_eq!(index.find(hash, |other| other == place), None);
                    }
                    Step::Replace(which) if !there.is_empty() => {
                        let which = which.index(there.len());
                        let (hash, place) = there[which];
                        index.replace(hash, place, number);
                        there[which] = (hash, number);
                    }
                    Step::Remove(_) | Step::Replace(_) => {}
                }
                holds_all(&index, &there)?;
            }
            for (hash, place) in std::mem::take(&mut there) {
                index.remove(hash, place);
            }
            holds_all(&index, &there)?;
        }
    }

    #[test]
    fn it_grows_and_shrinks_with_what_is_in_it() {
        let mut index = Index::default();
        assert_eq!(index.memory_bytes(), 0);
        let hash = |number: u32| number.wrapping_mul(0x9E37_79B9);
        for number in 0..100_000 {
            index.insert(hash(number), number);
        }
        let grown = index.memory_bytes();
        assert!((800_000..1_400_000).contains(&grown), "{grown}");
        for number in 0..99_990 {
            index.remove(hash(number), number);
        }
        assert!(index.memory_bytes() < 2048, "{}", index.memory_bytes());
        for number in 99_990..100_000 {
            assert_eq!(index.candidate(hash(number)), number);
        }
    }
}
