//! Remembers which numbers were left out, so that one that lands, or comes after all, is known again. Pure.

use std::collections::BTreeMap;

use landfall_ledger::Fingerprint;

/// Ranges of numbers that are remembered. With more, the older half is forgotten: of these no landing is counted.
const RANGES_MAX: usize = 16_384;

/// Numbers that were left out, by source.
#[derive(Clone, Debug, Default)]
pub(super) struct Lost {
    /// By source and first number: the last number, and when they must have come, in milliseconds.
    ranges: BTreeMap<(u128, u64), (u64, i64)>,
}

impl Lost {
    /// Adds numbers of a source that must have come by `at_ms`. Both ends belong to them.
    pub fn add(&mut self, source: Fingerprint, first: u64, last: u64, at_ms: i64) {
        self.ranges.insert((source.0, first), (last, at_ms));
        if self.ranges.len() > RANGES_MAX {
            let mut times: Vec<i64> = self.ranges.values().map(|(_, at_ms)| *at_ms).collect();
            let middle = times.len() / 2;
            let (_, &mut middle_ms, _) = times.select_nth_unstable(middle);
            self.ranges.retain(|_, (_, at_ms)| *at_ms > middle_ms);
        }
    }

    /// Takes a number out, if it was left out. Gives when it must have come.
    pub fn take(&mut self, source: Fingerprint, number: u64) -> Option<i64> {
        let before = self.ranges.range(..=(source.0, number)).next_back()?;
        let (&(of, first), &(last, at_ms)) = before;
        if of != source.0 || number > last {
            return None;
        }
        self.ranges.remove(&(of, first));
        if first < number {
            self.ranges.insert((of, first), (number - 1, at_ms));
        }
        if number < last {
            self.ranges.insert((of, number + 1), (last, at_ms));
        }
        Some(at_ms)
    }

    /// Forgets a source: it gives its numbers once more.
    pub fn forget(&mut self, source: Fingerprint) {
        let of_source = self.ranges.range((source.0, 0)..=(source.0, u64::MAX));
        let firsts: Vec<(u128, u64)> = of_source.map(|(at, _)| *at).collect();
        for first in firsts {
            self.ranges.remove(&first);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: Fingerprint = Fingerprint(1);
    const B: Fingerprint = Fingerprint(2);

    #[test]
    fn a_number_is_taken_once_and_others_of_its_range_stay() {
        let mut lost = Lost::default();
        lost.add(A, 5, 9, 100);
        lost.add(B, 0, u64::MAX, 200);
        assert_eq!(lost.take(A, 4), None);
        assert_eq!(lost.take(A, 10), None);
        assert_eq!(lost.take(A, 7), Some(100));
        assert_eq!(lost.take(A, 7), None);
        for number in [5, 6, 8, 9] {
            assert_eq!(lost.take(A, number), Some(100), "{number}");
            assert_eq!(lost.take(A, number), None, "{number}");
        }
        assert_eq!(lost.take(B, u64::MAX), Some(200));
        assert_eq!(lost.take(B, 0), Some(200));
        lost.forget(B);
        assert_eq!(lost.take(B, 1), None);
    }

    #[test]
    fn with_too_many_the_older_half_is_forgotten() {
        let mut lost = Lost::default();
        for range in 0..=RANGES_MAX as u64 {
            lost.add(A, range * 10, range * 10, range as i64);
        }
        assert_eq!(lost.take(A, 0), None);
        let newest = RANGES_MAX as u64;
        assert_eq!(lost.take(A, newest * 10), Some(newest as i64));
        assert!(lost.ranges.len() >= RANGES_MAX / 2 - 1, "half stays");
    }
}
