//! The right verdict for an event.

use super::event::{Event, Nature};

/// Landfall's verdicts on a raw event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    Delivered,
    Late,
    Altered,
    Missing,
    Unconfirmed,
    Rejected,
    Leaked,
    Repeated,
    Unjudged,
}

impl Verdict {
    pub const ALL: [Self; 9] = [
        Self::Delivered,
        Self::Late,
        Self::Altered,
        Self::Missing,
        Self::Unconfirmed,
        Self::Rejected,
        Self::Leaked,
        Self::Repeated,
        Self::Unjudged,
    ];

    /// The name in labels and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Late => "late",
            Self::Altered => "altered",
            Self::Missing => "missing",
            Self::Unconfirmed => "unconfirmed",
            Self::Rejected => "rejected",
            Self::Leaked => "leaked",
            Self::Repeated => "repeated",
            Self::Unjudged => "unjudged",
        }
    }
}

/// The bounds between `delivered` and `late`, in milliseconds of the pipeline's clock.
#[derive(Clone, Copy, Debug)]
pub struct Margins {
    pub deadline_ms: i64,
    /// Times here are taken at the sockets' near ends and Landfall's at their far ends. A latency
    /// this near to the deadline may count as either.
    pub slack_ms: i64,
}

/// The verdicts that the truth allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    One(Verdict),
    Either(Verdict, Verdict),
}

impl Event {
    /// The verdict of the event's first copy; every further copy is `repeated`.
    pub fn verdict(&self, margins: Margins) -> Expected {
        let first = self.landings.iter().min_by_key(|landing| landing.at_ms);
        let verdict = match (self.nature, first) {
            (Nature::Unjudgeable | Nature::Unknown, _) => Verdict::Unjudged,
            (Nature::Invalid, None) => Verdict::Rejected,
            (Nature::Invalid, Some(_)) => Verdict::Leaked,
            (Nature::Valid, None) => Verdict::Missing,
            (Nature::Valid, Some(landing)) => {
                let in_time = if landing.altered {
                    Verdict::Altered
                } else {
                    Verdict::Delivered
                };
                let latency_ms = landing.at_ms - self.sent_ms;
                if latency_ms > margins.deadline_ms + margins.slack_ms {
                    Verdict::Late
                } else if latency_ms < margins.deadline_ms - margins.slack_ms {
                    in_time
                } else {
                    return Expected::Either(in_time, Verdict::Late);
                }
            }
        };
        Expected::One(verdict)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Fate, Landing};
    use super::*;

    #[test]
    fn nature_and_landings_decide() {
        let margins = Margins {
            deadline_ms: 1000,
            slack_ms: 10,
        };
        let landing = |at_ms, altered| Landing { at_ms, altered };
        for (nature, landings, verdict) in [
            (Nature::Valid, vec![], Expected::One(Verdict::Missing)),
            (
                Nature::Valid,
                vec![landing(900, false)],
                Expected::One(Verdict::Delivered),
            ),
            (
                Nature::Valid,
                vec![landing(900, true)],
                Expected::One(Verdict::Altered),
            ),
            (
                Nature::Valid,
                vec![landing(1100, false)],
                Expected::One(Verdict::Late),
            ),
            (
                Nature::Valid,
                vec![landing(1005, false)],
                Expected::Either(Verdict::Delivered, Verdict::Late),
            ),
            (
                Nature::Valid,
                vec![landing(2000, false), landing(10, false)],
                Expected::One(Verdict::Delivered),
            ),
            (Nature::Invalid, vec![], Expected::One(Verdict::Rejected)),
            (
                Nature::Invalid,
                vec![landing(5, false)],
                Expected::One(Verdict::Leaked),
            ),
            (
                Nature::Unjudgeable,
                vec![landing(5, false)],
                Expected::One(Verdict::Unjudged),
            ),
            (Nature::Unknown, vec![], Expected::One(Verdict::Unjudged)),
        ] {
            let event = Event {
                schema: "A/1".into(),
                frame: Vec::new(),
                carried: None,
                sent_ms: 0,
                nature,
                fate: Fate::Normal,
                copies: 1,
                landings,
            };
            assert_eq!(event.verdict(margins), verdict, "{event:?}");
        }
    }
}
