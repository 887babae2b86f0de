//! Counts frames that could not be read, by the second in which they came, until somebody takes the counts.

use std::collections::BTreeMap;

/// How many frames could not be read, by the second in which they came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UnreadFrames {
    by_second: BTreeMap<i64, u64>,
}

/// Seconds that are counted apart until somebody takes the counts. Results take them several times a second.
const UNREAD_SECONDS_MAX: usize = 1_024;

impl UnreadFrames {
    pub(super) fn add(&mut self, at_ms: i64, frames: u64) {
        let mut second_ms = at_ms.div_euclid(1_000) * 1_000;
        if self.by_second.len() >= UNREAD_SECONDS_MAX
            && let Some(last) = self.by_second.last_key_value()
            && !self.by_second.contains_key(&second_ms)
        {
            second_ms = *last.0;
        }
        *self.by_second.entry(second_ms).or_default() += frames;
    }

    /// The beginning of each second in milliseconds, and the frames.
    pub fn iter(&self) -> impl Iterator<Item = (i64, u64)> + '_ {
        self.by_second
            .iter()
            .map(|(at_ms, frames)| (*at_ms, *frames))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beyond_the_bound_frames_are_counted_with_those_of_the_last_second_and_none_is_forgotten() {
        let mut unread = UnreadFrames::default();
        for second in 0..2 * UNREAD_SECONDS_MAX as i64 {
            unread.add(second * 1_000, 1);
        }
        assert_eq!(unread.iter().count(), UNREAD_SECONDS_MAX);
        let frames: u64 = unread.iter().map(|(_, frames)| frames).sum();
        assert_eq!(frames, 2 * UNREAD_SECONDS_MAX as u64);
    }
}
