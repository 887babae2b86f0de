//! Sets of numbers by source, as ranges that do not touch. Pure.

use std::collections::BTreeMap;

use landfall_ledger::Fingerprint;

/// Numbers by source. Each range has a value of its own; ranges with equal values that meet become one.
#[derive(Clone, Debug)]
pub(super) struct NumberSet<V> {
    /// By source and first number: the last number, and the value.
    ranges: BTreeMap<(u128, u64), (u64, V)>,
}

impl<V> Default for NumberSet<V> {
    fn default() -> Self {
        Self {
            ranges: BTreeMap::new(),
        }
    }
}

impl<V: Copy + PartialEq> NumberSet<V> {
    /// How many ranges there are.
    pub fn len(&self) -> usize {
        self.ranges.len()
    }

    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// Adds numbers that are not in it. Both ends belong to them.
    pub fn add(&mut self, source: Fingerprint, mut first: u64, mut last: u64, value: V) {
        let meets = |(at, (end, known)): (&(u128, u64), &(u64, V))| {
            let is_met = at.0 == source.0 && end.checked_add(1) == Some(first) && *known == value;
            is_met.then_some(at.1)
        };
        let before = self.ranges.range(..(source.0, first)).next_back();
        if let Some(begin) = before.and_then(meets) {
            self.ranges.remove(&(source.0, begin));
            first = begin;
        }
        if let Some(after) = last.checked_add(1)
            && let Some(&(end, known)) = self.ranges.get(&(source.0, after))
            && known == value
        {
            self.ranges.remove(&(source.0, after));
            last = end;
        }
        self.ranges.insert((source.0, first), (last, value));
    }

    /// The value of a number, if it is in the set.
    pub fn get(&self, source: Fingerprint, number: u64) -> Option<V> {
        let range = self.ranges.range(..=(source.0, number)).next_back()?;
        let (&(of, _), &(last, value)) = range;
        (of == source.0 && number <= last).then_some(value)
    }

    /// Takes a number out, if it is in the set.
    pub fn take(&mut self, source: Fingerprint, number: u64) -> Option<V> {
        self.take_range(source, number, number)
            .first()
            .map(|&(_, _, value)| value)
    }

    /// Takes the numbers of an interval out, both ends of which belong to it: first and last of each range, and its
    /// value.
    pub fn take_range(&mut self, source: Fingerprint, first: u64, last: u64) -> Vec<(u64, u64, V)> {
        let before = self.ranges.range(..(source.0, first)).next_back();
        let reaches_in = |(at, range): (&(u128, u64), &(u64, V))| {
            (at.0 == source.0 && range.0 >= first).then_some(at.1)
        };
        let begin = before.and_then(reaches_in).unwrap_or(first);
        let within = self.ranges.range((source.0, begin)..=(source.0, last));
        let found: Vec<(u64, u64, V)> = within
            .map(|(at, (end, value))| (at.1, *end, *value))
            .collect();
        let mut taken = Vec::with_capacity(found.len());
        for (from, to, value) in found {
            self.ranges.remove(&(source.0, from));
            if from < first {
                self.ranges.insert((source.0, from), (first - 1, value));
            }
            if to > last {
                self.ranges.insert((source.0, last + 1), (to, value));
            }
            taken.push((from.max(first), to.min(last), value));
        }
        taken
    }

    /// Forgets a source.
    pub fn forget(&mut self, source: Fingerprint) {
        self.take_range(source, 0, u64::MAX);
    }

    /// Forgets ranges of which this is not wanted.
    pub fn retain(&mut self, mut is_wanted: impl FnMut(V) -> bool) {
        self.ranges.retain(|_, (_, value)| is_wanted(*value));
    }

    /// Forgets sources that are not wanted.
    pub fn retain_sources(&mut self, mut is_wanted: impl FnMut(Fingerprint) -> bool) {
        self.ranges
            .retain(|(source, _), _| is_wanted(Fingerprint(*source)));
    }

    /// The values of all ranges.
    pub fn values(&self) -> impl Iterator<Item = V> + '_ {
        self.ranges.values().map(|(_, value)| *value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: Fingerprint = Fingerprint(1);
    const B: Fingerprint = Fingerprint(2);

    #[test]
    fn a_number_is_taken_once_and_others_of_its_range_stay() {
        let mut numbers = NumberSet::default();
        numbers.add(A, 5, 9, 100);
        numbers.add(B, 0, u64::MAX, 200);
        assert_eq!(numbers.take(A, 4), None);
        assert_eq!(numbers.take(A, 10), None);
        assert_eq!(numbers.get(A, 7), Some(100));
        assert_eq!(numbers.take(A, 7), Some(100));
        assert_eq!((numbers.take(A, 7), numbers.get(A, 7)), (None, None));
        for number in [5, 6, 8, 9] {
            assert_eq!(numbers.take(A, number), Some(100), "{number}");
            assert_eq!(numbers.take(A, number), None, "{number}");
        }
        assert_eq!(numbers.take(B, u64::MAX), Some(200));
        assert_eq!(numbers.take(B, 0), Some(200));
        numbers.forget(B);
        assert!(numbers.is_empty());
    }

    #[test]
    fn ranges_that_meet_become_one_and_an_interval_takes_parts_of_them() {
        let mut numbers = NumberSet::default();
        for number in [5, 7, 6, 8, 20, 21, 10] {
            numbers.add(A, number, number, ());
        }
        assert_eq!(numbers.len(), 3);
        assert_eq!(
            numbers.take_range(A, 6, 20),
            [(6, 8, ()), (10, 10, ()), (20, 20, ())]
        );
        assert_eq!(
            numbers.take_range(A, 0, u64::MAX),
            [(5, 5, ()), (21, 21, ())]
        );
        assert_eq!(numbers.take_range(A, 0, u64::MAX), []);
        // Those of different values stay apart, and so do sources.
        let mut numbers = NumberSet::default();
        numbers.add(A, 5, 6, 1);
        numbers.add(A, 7, 8, 2);
        numbers.add(B, 9, 9, 2);
        numbers.add(A, u64::MAX, u64::MAX, 2);
        assert_eq!(numbers.len(), 4);
        numbers.retain(|value| value == 1);
        assert_eq!(numbers.values().collect::<Vec<_>>(), [1]);
    }
}
