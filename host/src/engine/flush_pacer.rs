//! Decides how long a thread sleeps between two flushes. The sleep is short if little comes. It is
//! longer in a steady stream, where a wake-up costs more than the work. It is short again in a
//! flood, where a wake-up costs little beside the work. Pure.

use std::time::Duration;

/// With work in this many of the last sixteen rounds, it is a steady stream. A stream that comes in
/// batches twice a second is one, if a round takes a tenth of a second; a single event is not.
const WITH_WORK_MIN: u32 = 3;

/// More items a second than this are a flood. Each item costs some 8 us of processor time. So ten
/// wake-ups more, at 20 us each, are hardly a four-hundredth of the cost of the items. In a flood
/// it also matters that everything is reported soon after its end.
const FLOOD_PER_SECOND: f64 = 10_000.0;

/// A flood is measured over this time. A steady stream may bring all its events at once, twice a
/// second, and is not a flood.
const SPAN: Duration = Duration::from_secs(1);

/// Remembers which of the last rounds brought work, and how much came in the last span.
#[derive(Debug, Default)]
pub struct FlushPacer {
    rounds: u16,
    is_flood: bool,
    /// Items of the span that has not ended yet.
    came: u64,
    time: Duration,
}

impl FlushPacer {
    /// A round of this length has ended, in which so many items came.
    pub fn round(&mut self, came: u64, length: Duration) {
        self.rounds = self.rounds << 1 | u16::from(came > 0);
        self.came = self.came.saturating_add(came);
        self.time += length;
        let is_flood = self.came as f64 > FLOOD_PER_SECOND * self.time.max(SPAN).as_secs_f64();
        if self.time >= SPAN {
            self.is_flood = is_flood;
            (self.came, self.time) = (0, Duration::ZERO);
        } else {
            // A flood is known at its beginning, and it is over after a span with little work.
            self.is_flood |= is_flood;
        }
    }

    /// The length of the next round.
    pub fn pause(&self, shortly: Duration, in_a_stream: Duration) -> Duration {
        if !self.is_flood && self.rounds.count_ones() >= WITH_WORK_MIN {
            in_a_stream
        } else {
            shortly
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROUNDS: u32 = u16::BITS;
    const SHORTLY: Duration = Duration::from_millis(1);
    const LONG: Duration = Duration::from_millis(5);
    /// The length of a round.
    const LENGTH: Duration = Duration::from_millis(250);

    fn pause(steady: &FlushPacer) -> Duration {
        steady.pause(SHORTLY, LONG)
    }

    #[test]
    fn a_stream_is_known_soon_and_its_end_too() {
        let mut steady = FlushPacer::default();
        assert_eq!(pause(&steady), SHORTLY);
        for round in 1..=WITH_WORK_MIN {
            assert_eq!(pause(&steady), SHORTLY, "{round}");
            // Work every fifth round, as batches come.
            steady.round(1, LENGTH);
            (0..4).for_each(|_| steady.round(0, LENGTH));
        }
        assert_eq!(pause(&steady), LONG);
        (0..ROUNDS).for_each(|_| steady.round(1, LENGTH));
        assert_eq!(pause(&steady), LONG);
        let quiet = (0..ROUNDS).take_while(|_| {
            steady.round(0, LENGTH);
            pause(&steady) == LONG
        });
        assert_eq!(quiet.count() as u32, ROUNDS - WITH_WORK_MIN);
    }

    #[test]
    fn a_flood_is_no_steady_stream_and_what_comes_after_it_may_be() {
        let per_span = (FLOOD_PER_SECOND * SPAN.as_secs_f64()) as u64;
        let rounds = (SPAN.as_millis() / LENGTH.as_millis()) as u64;
        let mut steady = FlushPacer::default();
        let mut span = |shares: &[u64], length: Duration| {
            shares.iter().for_each(|came| steady.round(*came, length));
            pause(&steady)
        };
        let even = vec![per_span / rounds; rounds as usize];
        for paused in [LONG, LONG] {
            assert_eq!(span(&even, LENGTH), paused);
        }
        // Many items at once count no more than the same number spread out.
        assert_eq!(span(&[per_span, 0, 0, 0], LENGTH), LONG);
        // A flood is known before its first span has ended. It is over when a whole span had little
        // work.
        assert_eq!(span(&[per_span], LENGTH), LONG);
        assert_eq!(span(&[1], LENGTH), SHORTLY);
        assert_eq!(span(&[0, 0], LENGTH), SHORTLY);
        assert_eq!(span(&even[1..], LENGTH), SHORTLY);
        assert_eq!(span(&even[..1], LENGTH), LONG);
        // A round that took long had time for more.
        assert_eq!(span(&[3 * per_span], 3 * SPAN), LONG);
        assert_eq!(span(&[3 * per_span + 1], 3 * SPAN), SHORTLY);
        assert_eq!(span(&[u64::MAX, u64::MAX], LENGTH), SHORTLY);
    }

    #[test]
    fn what_comes_now_and_then_is_no_stream() {
        let mut steady = FlushPacer::default();
        for round in 0..100 {
            steady.round(u64::from(round % 8 == 0), LENGTH);
            assert_eq!(pause(&steady), SHORTLY, "{round}");
        }
    }
}
