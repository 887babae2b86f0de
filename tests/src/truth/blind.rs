//! What a watcher of the pipeline could not see, because of what was done to it, and what it may say therefore.

use super::event::Event;
use super::judge::{Expected, Margins, Verdict};

/// A row counts as seen only if it was watched for from this long before the event on: the stamps of two streams differ.
const STAMPS_APART_MS: i64 = 1_000;

/// A stretch of time, by the pipeline's clock, in which the watcher did not see all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlindSpot {
    /// With room on both sides for what was in sockets: it may not have seen all.
    pub from_ms: i64,
    pub to_ms: i64,
    /// It certainly saw nothing: from and to.
    pub certain_ms: (i64, i64),
    /// It did not read the raw stream either.
    pub is_raw: bool,
}

impl BlindSpot {
    /// Whether it certainly saw nothing at some moment from one to the other.
    fn certainly_touches(&self, from_ms: i64, to_ms: i64) -> bool {
        self.certain_ms.0 <= to_ms && self.certain_ms.1 >= from_ms
    }

    pub(super) fn holds(&self, at_ms: i64) -> bool {
        (self.from_ms..=self.to_ms).contains(&at_ms)
    }
}

/// What a watcher may make of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Allowed {
    /// One of these.
    pub verdicts: Vec<Verdict>,
    /// Or nothing: it may not have read it.
    pub may_be_unread: bool,
}

/// What is right for an event if the watcher did not see all.
pub(super) fn allowed(event: &Event, margins: Margins, blind: &[BlindSpot]) -> Allowed {
    let mut verdicts = Vec::new();
    let first = event.landings.iter().map(|landing| landing.at_ms).min();
    let may_be_unseen = first.is_none_or(|at_ms| blind.iter().any(|spot| spot.holds(at_ms)));
    let is_unseen = first.is_some_and(|at_ms| {
        let mut spots = blind.iter();
        spots.any(|spot| spot.certainly_touches(at_ms, at_ms))
    });
    if (first.is_some() || !may_be_unseen) && !is_unseen {
        add(&mut verdicts, event.verdict(margins));
    }
    if may_be_unseen {
        let unseen = Event {
            landings: Vec::new(),
            ..event.clone()
        };
        let without = unseen.verdict(margins);
        let deadline_ms = event.sent_ms + margins.deadline_ms + margins.slack_ms;
        let begin_ms = event.sent_ms - STAMPS_APART_MS;
        let is_doubtful = blind
            .iter()
            .any(|spot| spot.from_ms <= deadline_ms && spot.to_ms >= begin_ms);
        let in_time_ms = margins.deadline_ms + margins.slack_ms;
        let landed_in_time = first.is_some_and(|at_ms| at_ms - event.sent_ms <= in_time_ms);
        let is_missing = without == Expected::One(Verdict::Missing);
        let sure_deadline_ms = event.sent_ms + margins.deadline_ms - margins.slack_ms;
        let is_hidden = blind
            .iter()
            .any(|spot| spot.certainly_touches(event.sent_ms, sure_deadline_ms));
        // What landed in time is never missing, seen or not; nor is what may have landed while nothing was seen.
        if !(is_missing && (landed_in_time || is_hidden)) {
            add(&mut verdicts, without);
        }
        if is_missing && is_doubtful {
            add(&mut verdicts, Expected::One(Verdict::Unconfirmed));
        }
    }
    let may_be_unread = blind
        .iter()
        .any(|spot| spot.is_raw && spot.holds(event.sent_ms));
    Allowed {
        verdicts,
        may_be_unread,
    }
}

fn add(verdicts: &mut Vec<Verdict>, expected: Expected) {
    let more = match expected {
        Expected::One(verdict) => [Some(verdict), None],
        Expected::Either(one, other) => [Some(one), Some(other)],
    };
    for verdict in more.into_iter().flatten() {
        if !verdicts.contains(&verdict) {
            verdicts.push(verdict);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Fate, Landing, Nature};
    use super::*;

    #[test]
    #[expect(clippy::too_many_lines, reason = "a table")]
    fn a_blind_spot_allows_what_cannot_be_known_and_no_more() {
        use Verdict::{Delivered, Late, Leaked, Missing, Rejected, Unconfirmed};
        let margins = Margins {
            deadline_ms: 10_000,
            slack_ms: 10,
        };
        let spot = |is_raw| BlindSpot {
            from_ms: 100_000,
            to_ms: 200_000,
            certain_ms: (120_000, 180_000),
            is_raw,
        };
        for (sent_ms, landed_ms, nature, verdicts, unread) in [
            (50_000, None, Nature::Valid, vec![Missing], false),
            (50_000, Some(50_100), Nature::Valid, vec![Delivered], false),
            // Its deadline is in the spot.
            (
                89_991,
                None,
                Nature::Valid,
                vec![Missing, Unconfirmed],
                false,
            ),
            (89_989, None, Nature::Valid, vec![Missing], false),
            (95_000, Some(99_999), Nature::Valid, vec![Delivered], false),
            (
                95_000,
                Some(100_000),
                Nature::Valid,
                vec![Delivered, Unconfirmed],
                false,
            ),
            (50_000, Some(150_000), Nature::Valid, vec![Missing], false),
            // Nothing of the row was seen.
            (
                119_000,
                Some(120_000),
                Nature::Valid,
                vec![Unconfirmed],
                true,
            ),
            (110_010, None, Nature::Valid, vec![Unconfirmed], true),
            (
                110_009,
                None,
                Nature::Valid,
                vec![Missing, Unconfirmed],
                true,
            ),
            (180_000, None, Nature::Valid, vec![Unconfirmed], true),
            (
                180_001,
                None,
                Nature::Valid,
                vec![Missing, Unconfirmed],
                true,
            ),
            // It was named before.
            (50_000, Some(250_000), Nature::Valid, vec![Late], false),
            (150_000, None, Nature::Valid, vec![Unconfirmed], true),
            (150_000, None, Nature::Invalid, vec![Rejected], true),
            (
                95_000,
                Some(110_000),
                Nature::Invalid,
                vec![Leaked, Rejected],
                false,
            ),
            (
                95_000,
                Some(150_000),
                Nature::Invalid,
                vec![Rejected],
                false,
            ),
            (
                201_000,
                None,
                Nature::Valid,
                vec![Missing, Unconfirmed],
                false,
            ),
            (201_001, None, Nature::Valid, vec![Missing], false),
        ] {
            let landed = |at_ms| Landing {
                at_ms,
                altered: false,
            };
            let event = Event {
                schema: "A/1".into(),
                frame: Vec::new(),
                carried: None,
                sent_ms,
                nature,
                fate: Fate::Normal,
                copies: 1,
                landings: landed_ms.map(landed).into_iter().collect(),
            };
            for is_raw in [false, true] {
                let expected = Allowed {
                    verdicts: verdicts.clone(),
                    may_be_unread: unread && is_raw,
                };
                assert_eq!(
                    allowed(&event, margins, &[spot(is_raw)]),
                    expected,
                    "{event:?}"
                );
            }
        }
    }
}
