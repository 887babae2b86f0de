//! How long a thread may sleep that gathers what others send: shortly for the little that comes now
//! and then, longer in a steady stream, where every wake-up costs more than what there is to do, and
//! shortly again in a flood, where a wake-up is nothing beside the work. Pure.

use std::time::Duration;

/// So many of the last sixteen rounds with work make a stream. One that comes in batches twice a second
/// is one, where a round takes a tenth; a lone event is none.
const WITH_WORK_MIN: u32 = 3;

/// More events than this are a flood: each costs some 17 us of processor time, so that ten wake-ups
/// more, at 20 us each, are a thousandth of what is spent anyway; and the sooner all is told at the
/// flood's end, the better.
const FLOOD_PER_SECOND: f64 = 10_000.0;

/// Remembers which of the last rounds brought work.
#[derive(Debug, Default)]
pub struct Steady(u16);

impl Steady {
    /// A round of such a length has ended, that brought so many events.
    pub fn round(&mut self, events: u64, length: Duration) {
        if events as f64 > FLOOD_PER_SECOND * length.as_secs_f64() {
            self.0 = 0;
        } else {
            self.0 = self.0 << 1 | u16::from(events > 0);
        }
    }

    /// The next one's length.
    pub fn pause(&self, shortly: Duration, in_a_stream: Duration) -> Duration {
        if self.0.count_ones() >= WITH_WORK_MIN {
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
    /// Of a round.
    const LENGTH: Duration = Duration::from_millis(250);

    fn pause(steady: &Steady) -> Duration {
        steady.pause(SHORTLY, LONG)
    }

    #[test]
    fn a_stream_is_known_soon_and_its_end_too() {
        let mut steady = Steady::default();
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
        let most = (FLOOD_PER_SECOND * LENGTH.as_secs_f64()) as u64;
        for (events, paused) in [(1, LONG), (most, LONG), (most + 1, SHORTLY)] {
            let mut steady = Steady::default();
            (0..ROUNDS).for_each(|_| steady.round(events, LENGTH));
            assert_eq!(pause(&steady), paused, "{events}");
            // A round that took longer had time for more.
            (0..WITH_WORK_MIN).for_each(|_| steady.round(2 * events, 2 * LENGTH));
            assert_eq!(pause(&steady), paused, "{events}");
            (0..WITH_WORK_MIN).for_each(|_| steady.round(most, LENGTH));
            assert_eq!(pause(&steady), LONG, "{events}");
            steady.round(most + 1, LENGTH);
            assert_eq!(pause(&steady), SHORTLY, "{events}");
        }
    }

    #[test]
    fn what_comes_now_and_then_is_no_stream() {
        let mut steady = Steady::default();
        for round in 0..100 {
            steady.round(u64::from(round % 8 == 0), LENGTH);
            assert_eq!(pause(&steady), SHORTLY, "{round}");
        }
    }
}
