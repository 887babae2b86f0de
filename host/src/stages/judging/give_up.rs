//! Decides when the judging of recordings is given up. In a recording nothing falls due before its
//! end, so only landings make room. Once all of them are applied, what does not fit now will never
//! fit.

use std::time::{Duration, Instant};

use landfall_ledger::Stream;
use landfall_store::spool::SpoolError;

use crate::flow::InFlight;
use crate::stages::backlog::Backlog;

/// Judging is given up if there was no room for this long. Meanwhile shards make room several
/// times, as far as they can.
const STUCK: Duration = Duration::from_secs(3);

/// Watches whether judging can go on.
pub(crate) struct GiveUp {
    in_flight: InFlight,
    /// Since when there was no room in the spool.
    stuck: Option<Instant>,
}

impl GiveUp {
    /// Nothing is stuck yet.
    pub fn new(in_flight: InFlight) -> Self {
        Self {
            in_flight,
            stuck: None,
        }
    }

    /// Call when the spool had room.
    pub fn spooled(&mut self) {
        self.stuck = None;
    }

    /// Call when the spool failed or had no room. Gives the reason to give up, if there is one.
    pub fn on_spool_error(&mut self, error: &SpoolError, now: Instant) -> Option<String> {
        let is_full = matches!(error, SpoolError::Full { .. });
        let is_hopeless = !is_full || self.is_all_landed() && self.is_stuck(now);
        is_hopeless.then(|| {
            format!(
                "{error}; an audit keeps the raw frames that wait for their landing: raise \
                 store.spool_bytes_max, or audit a shorter stretch of time"
            )
        })
    }

    /// Call when the ledger has no room. Gives the reason to give up, if there is one.
    pub fn on_full_ledger(&self, backlog: &Backlog, raw_waits: bool) -> Option<String> {
        let is_hopeless = backlog.is_overrun() || raw_waits && self.is_all_landed();
        is_hopeless.then(|| {
            format!(
                "more than {} events wait for their other side, as many as ledger.pending_max allows: \
                 raise it (at most 80 bytes of memory each), or audit a shorter stretch of time",
                backlog.entries_max()
            )
        })
    }

    /// Whether there was no room for so long that shards have made all the room that they can.
    fn is_stuck(&mut self, now: Instant) -> bool {
        let since = *self.stuck.get_or_insert(now);
        now.saturating_duration_since(since) >= STUCK
    }

    /// Whether every landing of the recording has been applied.
    fn is_all_landed(&self) -> bool {
        self.in_flight.frontier(Stream::Written) == i64::MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_room_it_is_given_up_once_all_landed_and_nothing_helped_for_a_while() {
        let in_flight = InFlight::default();
        let written = in_flight.add_source(Stream::Written, 0);
        let mut give_up = GiveUp::new(in_flight);
        let now = Instant::now();
        let full = SpoolError::Full {
            dir: "spool".into(),
            bytes: 1,
            bytes_max: 1,
        };
        assert_eq!(
            give_up.on_spool_error(&full, now),
            None,
            "landings may come"
        );
        let backlog = Backlog::new(1, 10);
        backlog.report(0, 10, 0);
        assert_eq!(give_up.on_full_ledger(&backlog, true), None);
        written.finish();
        assert!(give_up.on_full_ledger(&backlog, true).is_some());
        assert_eq!(
            give_up.on_full_ledger(&backlog, false),
            None,
            "raw is at its end"
        );
        assert_eq!(give_up.on_spool_error(&full, now), None);
        assert_eq!(give_up.on_spool_error(&full, now + STUCK / 2), None);
        assert!(give_up.on_spool_error(&full, now + STUCK).is_some());
        give_up.spooled();
        assert_eq!(
            give_up.on_spool_error(&full, now + STUCK),
            None,
            "it begins anew"
        );
        let gone = SpoolError::Gone { reference: 1 };
        assert!(
            give_up.on_spool_error(&gone, now).is_some(),
            "no room helps here"
        );
    }
}
