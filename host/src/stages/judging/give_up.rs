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
    /// A raw batch waits for room in the spool.
    lacks_room: bool,
}

impl GiveUp {
    /// Nothing is stuck yet.
    pub fn new(in_flight: InFlight) -> Self {
        Self {
            in_flight,
            stuck: None,
            lacks_room: false,
        }
    }

    /// Call when the spool had room.
    pub fn spooled(&mut self) {
        self.stuck = None;
        self.lacks_room = false;
    }

    /// Whether landings wait until raw events have come: as many wait for theirs as may, and raw events still come in.
    /// So it does not matter which of the two files is read faster.
    pub fn holds_landings(&self, backlog: &Backlog) -> bool {
        backlog.has_landings_enough() && self.comes_raw() && !self.lacks_room
    }

    /// Whether raw events are still to be applied.
    fn comes_raw(&self) -> bool {
        self.in_flight.frontier(Stream::Raw) != i64::MAX
    }

    /// Call when the spool failed or had no room. Gives the reason to give up, if there is one.
    pub fn on_spool_error(&mut self, error: &SpoolError, now: Instant) -> Option<String> {
        let is_full = matches!(error, SpoolError::Full { .. });
        self.lacks_room = true;
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
        // One batch may bring many more landings than may wait: that shows nothing while raw events come in.
        let is_overrun = match self.comes_raw() {
            // Without room in the spool nothing holds landings back.
            true => backlog.is_full_of_both() || self.lacks_room && backlog.is_full_of_landings(),
            false => backlog.is_full_of_landings(),
        };
        // In this order: what the last landings settled is reported before all are applied.
        let is_hopeless = is_overrun || raw_waits && self.is_all_landed() && backlog.is_full();
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
    fn landings_wait_while_raw_events_can_come_and_no_longer() {
        let in_flight = InFlight::default();
        let raw = in_flight.add_source(Stream::Raw, 0);
        let mut give_up = GiveUp::new(in_flight);
        let backlog = Backlog::new(2, 10);
        backlog.report(0, 9, 4);
        backlog.report(1, 5, 5);
        assert!(!give_up.holds_landings(&backlog));
        backlog.report(0, 10, 5);
        assert!(give_up.holds_landings(&backlog));
        // Only landings make room in the spool.
        let full = SpoolError::Full {
            dir: "spool".into(),
            bytes: 1,
            bytes_max: 1,
        };
        assert_eq!(give_up.on_spool_error(&full, Instant::now()), None);
        assert!(!give_up.holds_landings(&backlog));
        give_up.spooled();
        assert!(give_up.holds_landings(&backlog));
        backlog.report(0, 40, 40);
        assert_eq!(give_up.on_full_ledger(&backlog, false), None);
        backlog.report(0, 10, 5);
        raw.finish();
        assert!(!give_up.holds_landings(&backlog), "nobody comes for them");
        // The last raw batch brought many.
        backlog.report(0, 40, 0);
        assert_eq!(give_up.on_full_ledger(&backlog, false), None);
        backlog.report(0, 15, 15);
        assert!(give_up.on_full_ledger(&backlog, false).is_some());
    }

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
        backlog.report(0, 9, 0);
        assert_eq!(
            give_up.on_full_ledger(&backlog, true),
            None,
            "the last landings made room"
        );
        backlog.report(0, 10, 0);
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
