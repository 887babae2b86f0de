//! Where the known keys are: a table from a key's hash to the place of what is known of it.
//!
//! A line of the table is one cache line, so that one wait for memory answers a look-up, whatever the
//! answer. The hash says by its size which line a key belongs to, and a full line is continued in the
//! next: so the table is sorted by line, and growing it reads and writes straight through. Knows
//! neither keys nor entries; whoever asks says whether a place is the right one.

use std::hint::black_box;

/// Places in a line.
const PLACES: usize = 8;

/// No place.
pub(crate) const EMPTY: u32 = u32::MAX;

/// The table grows when more of its places than this are taken: in 16 parts. Beyond it, too many lines
/// are continued.
const FULL_16THS: usize = 13;

/// A table this small is not made smaller.
const LINES_MIN: usize = 8;

/// Eight hashes, and the places that belong to them: first those that are taken, then empty ones.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
struct Line {
    hashes: [u32; PLACES],
    places: [u32; PLACES],
}

const _: () = assert!(size_of::<Line>() == 64);

impl Line {
    const EMPTY: Self = Self {
        hashes: [0; PLACES],
        places: [EMPTY; PLACES],
    };

    /// One bit for each place with that hash, empty ones perhaps among them.
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

    /// Its last place moves to where one was taken out.
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
    lines: Vec<Line>,
    len: usize,
}

impl Index {
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Something of the line where a key belongs, with as few instructions as can be: only so that the
    /// line is fetched.
    #[inline]
    pub(crate) fn touch(&self, hash: u32) -> u32 {
        let line = self.lines.get(self.home(hash));
        line.map_or(0, |line| line.hashes[0])
    }

    /// The first place with that hash in the line where it belongs, right or not; `EMPTY` if there is
    /// none. Waits for that line alone, and has the next one fetched if a search would go on there.
    #[inline]
    pub(crate) fn candidate(&self, hash: u32) -> u32 {
        let home = self.home(hash);
        let Some(line) = self.lines.get(home) else {
            return EMPTY;
        };
        let places = line.with_hash(hash);
        if places != 0 {
            return line.places[places.trailing_zeros() as usize % PLACES];
        }
        if line.is_full() {
            black_box(self.lines[self.next(home)].hashes[0]);
        }
        EMPTY
    }

    /// The place with that hash that is the right one.
    pub(crate) fn find(&self, hash: u32, is_right: impl Fn(u32) -> bool) -> Option<u32> {
        self.locate(hash, is_right)
            .map(|(line, place)| self.lines[line].places[place])
    }

    /// The line, and the place in it.
    fn locate(&self, hash: u32, is_right: impl Fn(u32) -> bool) -> Option<(usize, usize)> {
        let mut at = self.home(hash);
        loop {
            let line = self.lines.get(at)?;
            let mut places = line.with_hash(hash);
            while places != 0 {
                let place = places.trailing_zeros() as usize % PLACES;
                if line.places[place] != EMPTY && is_right(line.places[place]) {
                    return Some((at, place));
                }
                places &= places - 1;
            }
            if !line.is_full() {
                return None;
            }
            at = self.next(at);
        }
    }

    /// Adds a key that is not there.
    pub(crate) fn insert(&mut self, hash: u32, place: u32) {
        if self.len >= room(self.lines.len()) {
            // By a quarter: growing costs little, and leaves the table more than three fifths full.
            self.rebuild(self.lines.len() + self.lines.len() / 4);
        }
        self.put(hash, place);
        self.len += 1;
    }

    /// What is known of a key stands somewhere else now.
    pub(crate) fn replace(&mut self, hash: u32, place: u32, by: u32) {
        if let Some((line, at)) = self.locate(hash, |other| other == place) {
            self.lines[line].places[at] = by;
        }
    }

    /// Takes a key out, if it still is at that place; whether it was.
    pub(crate) fn remove(&mut self, hash: u32, place: u32) -> bool {
        let Some((at, place)) = self.locate(hash, |other| other == place) else {
            return false;
        };
        let was_full = self.lines[at].is_full();
        self.lines[at].take_out(place);
        if was_full {
            self.close_up(at);
        }
        self.len -= 1;
        if self.lines.len() > LINES_MIN && self.len < room(self.lines.len()) / 4 {
            self.rebuild(self.lines.len() / 2);
        }
        true
    }

    /// A line is no longer full: what was put further on because of it comes back, or a look-up would
    /// end before it.
    fn close_up(&mut self, mut hole: usize) {
        let count = self.lines.len();
        let (mut at, mut distance) = (hole, 0);
        loop {
            (at, distance) = (self.next(at), distance + 1);
            let line = self.lines[at];
            let belongs_back = |hash: &u32| (at + count - self.home(*hash)) % count >= distance;
            let back = line.hashes[..line.len()].iter().position(belongs_back);
            if let Some(place) = back {
                let end = self.lines[hole].len();
                self.lines[hole].hashes[end] = line.hashes[place];
                self.lines[hole].places[end] = line.places[place];
                self.lines[at].take_out(place);
                (hole, distance) = (at, 0);
            }
            if !line.is_full() {
                return;
            }
        }
    }

    fn put(&mut self, hash: u32, place: u32) {
        let mut at = self.home(hash);
        while self.lines[at].is_full() {
            at = self.next(at);
        }
        let line = &mut self.lines[at];
        let end = line.len();
        line.hashes[end] = hash;
        line.places[end] = place;
    }

    #[cold]
    #[inline(never)]
    fn rebuild(&mut self, lines: usize) {
        let lines = vec![Line::EMPTY; lines.max(LINES_MIN)];
        // Keys of a line nearly always come one after the other: where the last one was put is known.
        let (mut at, mut end) = (0, 0);
        for line in std::mem::replace(&mut self.lines, lines) {
            for (hash, place) in line.hashes.into_iter().zip(line.places) {
                if place == EMPTY {
                    break;
                }
                let home = self.home(hash);
                if home != at {
                    (at, end) = (home, self.lines[home].len());
                }
                if end == PLACES {
                    self.put(hash, place);
                    continue;
                }
                let line = &mut self.lines[at];
                line.hashes[end] = hash;
                line.places[end] = place;
                end += 1;
            }
        }
    }

    /// The line of a hash: as far into the table as the hash is into all hashes.
    fn home(&self, hash: u32) -> usize {
        ((u64::from(hash) * self.lines.len() as u64) >> u32::BITS) as usize
    }

    fn next(&self, line: usize) -> usize {
        let next = line + 1;
        if next == self.lines.len() { 0 } else { next }
    }

    pub(crate) fn memory_bytes(&self) -> usize {
        self.lines.capacity() * size_of::<Line>()
    }
}

/// How many keys may be in so many lines: some place is always empty, so that every search ends.
fn room(lines: usize) -> usize {
    lines * PLACES * FULL_16THS / 16
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
        let taken: usize = index.lines.iter().map(Line::len).sum();
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
