//! How long a thread may sleep that gathers what others send: shortly for the little that comes now
//! and then, longer in a steady stream, where every wake-up costs more than what there is to do. Pure.

use std::time::Duration;

/// So many of the last sixteen rounds with work make a stream. One that comes in batches twice a second
/// is one, where a round takes a tenth; a lone event is none.
const WITH_WORK_MIN: u32 = 3;

/// Remembers which of the last rounds brought work.
#[derive(Debug, Default)]
pub struct Steady(u16);

impl Steady {
    /// A round has ended.
    pub fn round(&mut self, with_work: bool) {
        self.0 = self.0 << 1 | u16::from(with_work);
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
            steady.round(true);
            (0..4).for_each(|_| steady.round(false));
        }
        assert_eq!(pause(&steady), LONG);
        (0..ROUNDS).for_each(|_| steady.round(true));
        assert_eq!(pause(&steady), LONG);
        let quiet = (0..ROUNDS).take_while(|_| {
            steady.round(false);
            pause(&steady) == LONG
        });
        assert_eq!(quiet.count() as u32, ROUNDS - WITH_WORK_MIN);
    }

    #[test]
    fn what_comes_now_and_then_is_no_stream() {
        let mut steady = Steady::default();
        for round in 0..100 {
            steady.round(round % 8 == 0);
            assert_eq!(pause(&steady), SHORTLY, "{round}");
        }
    }
}
