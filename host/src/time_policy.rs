//! What time is in a run. Beside a pipeline it is Landfall's clock, and it moves with the sources. Over recordings it
//! is what events say, and it stands still until all is read: lines come in any order of time.

use landfall_ledger::{Frontier, Stream};

use crate::clock::Clock;
use crate::flow::InFlight;

/// The time of a run. All that differs between `landfall run` and `landfall audit` follows from it.
#[derive(Clone)]
pub enum TimePolicy {
    /// Times are when frames came, by this clock.
    Live(Clock),
    /// Times are the events' own; what waits at the end is due.
    Recorded,
}

/// Nothing has happened yet.
const NEVER: Frontier = Frontier {
    raw_ms: i64::MIN,
    written_ms: i64::MIN,
};

impl TimePolicy {
    /// The clock; None if times are the events' own.
    pub fn clock(&self) -> Option<&Clock> {
        match self {
            Self::Live(clock) => Some(clock),
            Self::Recorded => None,
        }
    }

    /// Whether times are the events' own.
    pub fn is_of_events(&self) -> bool {
        matches!(self, Self::Recorded)
    }

    /// When the run begins: before it nothing was seen.
    pub fn begin_ms(&self) -> i64 {
        self.clock().map_or(i64::MIN, Clock::now_ms)
    }

    /// Up to when everything has been applied, while sources read. The register says "before this instant", the
    /// ledger takes "up to and including".
    pub fn frontier(&self, in_flight: &InFlight) -> Frontier {
        let up_to = |stream| match in_flight.frontier(stream) {
            // No source at all (yet): time must not jump to its end.
            i64::MAX => i64::MIN,
            before => before.saturating_sub(1),
        };
        match self {
            Self::Live(_) => Frontier {
                raw_ms: up_to(Stream::Raw),
                written_ms: up_to(Stream::Written),
            },
            Self::Recorded => NEVER,
        }
    }

    /// The same when everything has been applied, and nothing comes any more. What then waits beside a pipeline is
    /// left pending; in a recording all of it is due.
    pub fn last_frontier(&self, in_flight: &InFlight) -> Frontier {
        match self {
            Self::Live(_) => self.frontier(in_flight),
            Self::Recorded => Frontier {
                raw_ms: i64::MAX,
                written_ms: i64::MAX,
            },
        }
    }

    /// How long keys of settled events are remembered. Recordings are read in any order of time, so an audit
    /// remembers all.
    pub fn horizon_ms(&self, configured_ms: i64) -> i64 {
        match self {
            Self::Live(_) => configured_ms,
            Self::Recorded => i64::MAX,
        }
    }

    /// How many of them are remembered.
    pub fn settled_max(&self, configured: usize) -> usize {
        match self {
            Self::Live(_) => configured,
            Self::Recorded => usize::MAX,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_moves_with_the_sources_or_stands_still_until_the_end() {
        let in_flight = InFlight::default();
        let live = TimePolicy::Live(Clock::by_hand(50));
        assert_eq!(live.frontier(&in_flight), NEVER, "no source yet");
        in_flight.add_source(Stream::Raw, 0).reach(100);
        in_flight.add_source(Stream::Written, 70);
        let seen = Frontier {
            raw_ms: 99,
            written_ms: 69,
        };
        assert_eq!(live.frontier(&in_flight), seen);
        assert_eq!(live.last_frontier(&in_flight), seen);
        assert_eq!((live.begin_ms(), live.horizon_ms(5)), (50, 5));

        let recorded = TimePolicy::Recorded;
        assert_eq!(recorded.frontier(&in_flight), NEVER);
        assert_eq!(recorded.last_frontier(&in_flight).raw_ms, i64::MAX);
        assert_eq!(
            (recorded.begin_ms(), recorded.horizon_ms(5)),
            (i64::MIN, i64::MAX)
        );
        assert_eq!(
            (recorded.settled_max(5), live.settled_max(5)),
            (usize::MAX, 5)
        );
    }
}
