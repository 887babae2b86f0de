//! Counts numbers that Landfall did not read, by the second in which they must have come, until somebody takes them.

use std::collections::BTreeMap;
use std::ops::AddAssign;

/// Seconds that are counted apart until somebody takes the counts. Results take them several times a second.
const SECONDS_MAX: usize = 1_024;

/// What became of numbers that were left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LeftOut {
    /// Numbers that did not come.
    pub numbers: u64,
    /// Of them: their events landed, so Landfall missed them.
    pub landed: u64,
    /// Of them: as many frames came meanwhile and could not be read.
    pub unread: u64,
    /// Of them: they came after all, later than frames may change places.
    pub came_late: u64,
}

/// What could not be followed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NotFollowed {
    /// Documents without a number.
    pub documents: u64,
    /// Sources that are followed no longer, because there are too many.
    pub sources: u64,
    /// Numbers that may be copies, or those of a source that began anew: what is left out between them is not noticed.
    pub numbers: u64,
    /// Landings of which it is not known whether their frames were read, because too many landed before them.
    pub landings: u64,
}

impl AddAssign for LeftOut {
    fn add_assign(&mut self, other: Self) {
        self.numbers = self.numbers.saturating_add(other.numbers);
        self.landed = self.landed.saturating_add(other.landed);
        self.unread = self.unread.saturating_add(other.unread);
        self.came_late = self.came_late.saturating_add(other.came_late);
    }
}

/// Numbers of one stream that were left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SequenceCounts {
    by_second: BTreeMap<i64, LeftOut>,
    pub not_followed: NotFollowed,
}

impl SequenceCounts {
    pub(super) fn add(&mut self, at_ms: i64, left_out: LeftOut) {
        let mut second_ms = at_ms.div_euclid(1_000) * 1_000;
        if self.by_second.len() >= SECONDS_MAX
            && let Some(last) = self.by_second.last_key_value()
            && !self.by_second.contains_key(&second_ms)
        {
            second_ms = *last.0;
        }
        *self.by_second.entry(second_ms).or_default() += left_out;
    }

    /// The beginning of each second in milliseconds, and what was left out then.
    pub fn iter(&self) -> impl Iterator<Item = (i64, LeftOut)> + '_ {
        let seconds = self.by_second.iter();
        seconds.map(|(at_ms, left_out)| (*at_ms, *left_out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beyond_the_bound_numbers_are_counted_with_those_of_the_last_second() {
        let mut counts = SequenceCounts::default();
        for second in 0..2 * SECONDS_MAX as i64 {
            let numbers = LeftOut {
                numbers: 1,
                ..LeftOut::default()
            };
            counts.add(second * 1_000 + 999, numbers);
        }
        assert_eq!(counts.iter().count(), SECONDS_MAX);
        let numbers: u64 = counts.iter().map(|(_, left_out)| left_out.numbers).sum();
        assert_eq!(numbers, 2 * SECONDS_MAX as u64);
        assert_eq!(counts.iter().next().map(|(at_ms, _)| at_ms), Some(0));
    }
}
