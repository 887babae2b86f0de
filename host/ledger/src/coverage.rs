//! Coverage: what of a stream nobody saw. A hole is an interval in which frames may have passed that were not read.
//! Pure: whoever reads a stream says what it did not see; the ledger only asks.

use std::fmt;

use crate::stream::PerStream;

/// Why nobody saw a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum HoleCause {
    /// Landfall did not run yet.
    NotRunning = 0,
    /// It never had a connection.
    NeverConnected = 1,
    /// The connection was lost.
    Disconnected = 2,
    /// The connection stood, and the other end acknowledged nothing.
    Unanswered = 3,
    /// Landfall itself did not read for a while: its process or its machine was stopped, or its queue was full.
    Paused = 4,
    /// Frames came, and too many of them could not be read.
    Unreadable = 5,
    /// Numbers of a source were left out: as many frames did not come.
    SequenceGap = 6,
}

impl HoleCause {
    /// All causes, in the order of their numbers.
    pub const ALL: [HoleCause; 7] = [
        HoleCause::NotRunning,
        HoleCause::NeverConnected,
        HoleCause::Disconnected,
        HoleCause::Unanswered,
        HoleCause::Paused,
        HoleCause::Unreadable,
        HoleCause::SequenceGap,
    ];

    /// The name in metrics, the store and JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            HoleCause::NotRunning => "not_running",
            HoleCause::NeverConnected => "never_connected",
            HoleCause::Disconnected => "disconnected",
            HoleCause::Unanswered => "unanswered",
            HoleCause::Paused => "paused",
            HoleCause::Unreadable => "unreadable",
            HoleCause::SequenceGap => "sequence_gap",
        }
    }

    /// The cause of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|cause| cause.as_str() == name)
    }
}

impl fmt::Display for HoleCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// An interval in which frames may have passed unseen: both ends belong to it. Milliseconds since the epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hole {
    pub from_ms: i64,
    pub to_ms: i64,
    pub cause: HoleCause,
}

/// What is known of how the streams were read, up to the frontiers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Readings {
    /// What nobody saw of each stream.
    pub coverage: PerStream<Coverage>,
    /// When raw frames were read long after they came: what was stamped in such an interval may have come as early as
    /// it begins.
    pub raw_delays: Coverage,
}

/// Most holes that are kept of a stream. With more, the two that are closest to each other become one: what was
/// seen in between counts as unseen.
pub const HOLES_MAX: usize = 256;

/// The holes of one stream, in the order of time. No two overlap.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    holes: Vec<Hole>,
}

impl Coverage {
    /// The holes, in the order of time.
    pub fn holes(&self) -> &[Hole] {
        &self.holes
    }

    /// Adds a hole. Holes that overlap become one, with the cause of the one that began first. So do holes of the
    /// same cause if one follows the other at once.
    pub fn add(&mut self, hole: Hole) {
        if hole.from_ms > hole.to_ms {
            return;
        }
        let joins = |known: &Hole| {
            let reach = i64::from(known.cause == hole.cause);
            known.from_ms <= hole.to_ms.saturating_add(reach)
                && hole.from_ms <= known.to_ms.saturating_add(reach)
        };
        let first = self.holes.iter().position(joins);
        let Some(first) = first else {
            let place = self
                .holes
                .partition_point(|known| known.from_ms < hole.from_ms);
            self.holes.insert(place, hole);
            return self.bound();
        };
        let joined = self.holes[first..]
            .iter()
            .take_while(|known| joins(known))
            .count();
        let known = &self.holes[first..first + joined];
        let whole = known.iter().fold(hole, |whole, known| {
            let earliest = if known.from_ms <= whole.from_ms {
                known
            } else {
                &whole
            };
            Hole {
                from_ms: earliest.from_ms,
                to_ms: whole.to_ms.max(known.to_ms),
                cause: earliest.cause,
            }
        });
        self.holes.splice(first..first + joined, [whole]);
    }

    /// The first hole that has a part in `[from_ms, to_ms]`.
    pub fn hole_within(&self, from_ms: i64, to_ms: i64) -> Option<Hole> {
        let first = self.holes.partition_point(|hole| hole.to_ms < from_ms);
        let hole = self.holes.get(first)?;
        (hole.from_ms <= to_ms).then_some(*hole)
    }

    /// Forgets holes that ended before this instant.
    pub fn forget_before(&mut self, at_ms: i64) {
        let ended = self.holes.partition_point(|hole| hole.to_ms < at_ms);
        self.holes.drain(..ended);
    }

    fn bound(&mut self) {
        if self.holes.len() <= HOLES_MAX {
            return;
        }
        let gap = |place: &usize| {
            let [before, after] = [self.holes[*place], self.holes[*place + 1]];
            after.from_ms.saturating_sub(before.to_ms)
        };
        if let Some(place) = (0..self.holes.len() - 1).min_by_key(gap) {
            let after = self.holes.remove(place + 1);
            self.holes[place].to_ms = after.to_ms;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hole(from_ms: i64, to_ms: i64, cause: HoleCause) -> Hole {
        Hole {
            from_ms,
            to_ms,
            cause,
        }
    }

    fn of(holes: &[(i64, i64, HoleCause)]) -> Coverage {
        let mut coverage = Coverage::default();
        for &(from_ms, to_ms, cause) in holes {
            coverage.add(hole(from_ms, to_ms, cause));
        }
        coverage
    }

    const LOST: HoleCause = HoleCause::Disconnected;
    const PAUSED: HoleCause = HoleCause::Paused;

    #[test]
    fn holes_that_meet_become_one_and_the_first_one_says_why() {
        for (added, left) in [
            (
                vec![(10, 20, LOST), (30, 40, LOST)],
                vec![(10, 20, LOST), (30, 40, LOST)],
            ),
            (
                vec![(30, 40, LOST), (10, 20, LOST)],
                vec![(10, 20, LOST), (30, 40, LOST)],
            ),
            (vec![(10, 20, LOST), (21, 40, LOST)], vec![(10, 40, LOST)]),
            (
                vec![(10, 20, LOST), (22, 40, LOST)],
                vec![(10, 20, LOST), (22, 40, LOST)],
            ),
            (
                vec![(10, 20, LOST), (21, 40, PAUSED)],
                vec![(10, 20, LOST), (21, 40, PAUSED)],
            ),
            (vec![(10, 20, LOST), (20, 40, PAUSED)], vec![(10, 40, LOST)]),
            (vec![(20, 40, PAUSED), (10, 20, LOST)], vec![(10, 40, LOST)]),
            (vec![(10, 20, LOST), (10, 20, LOST)], vec![(10, 20, LOST)]),
            (
                vec![(10, 12, LOST), (20, 22, PAUSED), (5, 30, PAUSED)],
                vec![(5, 30, PAUSED)],
            ),
            (
                vec![(10, 12, LOST), (20, 22, PAUSED), (12, 20, PAUSED)],
                vec![(10, 22, LOST)],
            ),
            (
                vec![(i64::MIN, 20, LOST), (15, i64::MAX, LOST)],
                vec![(i64::MIN, i64::MAX, LOST)],
            ),
            (vec![(20, 10, LOST)], vec![]),
        ] {
            assert_eq!(
                of(&added),
                Coverage {
                    holes: of(&left).holes
                },
                "{added:?}"
            );
            let kept: Vec<_> = of(&added)
                .holes
                .iter()
                .map(|hole| (hole.from_ms, hole.to_ms, hole.cause))
                .collect();
            assert_eq!(kept, left, "{added:?}");
        }
    }

    #[test]
    fn both_ends_belong_to_a_hole() {
        let coverage = of(&[(10, 20, LOST), (30, 40, PAUSED)]);
        for (from_ms, to_ms, found) in [
            (0, 9, None),
            (0, 10, Some(LOST)),
            (20, 25, Some(LOST)),
            (21, 29, None),
            (21, 30, Some(PAUSED)),
            (40, 50, Some(PAUSED)),
            (41, 50, None),
            (0, 50, Some(LOST)),
            (15, 15, Some(LOST)),
        ] {
            let hole = coverage.hole_within(from_ms, to_ms);
            assert_eq!(hole.map(|hole| hole.cause), found, "{from_ms} to {to_ms}");
        }
    }

    #[test]
    fn what_ended_long_ago_is_forgotten_and_too_many_are_merged_where_they_are_closest() {
        let mut coverage = of(&[(10, 20, LOST), (30, 40, PAUSED)]);
        coverage.forget_before(20);
        assert_eq!(coverage.holes().len(), 2);
        coverage.forget_before(21);
        assert_eq!(coverage.holes(), [hole(30, 40, PAUSED)]);

        let mut coverage = Coverage::default();
        for number in 0..HOLES_MAX as i64 {
            coverage.add(hole(number * 100, number * 100 + 10, LOST));
        }
        coverage.add(hole(515, 520, PAUSED));
        assert_eq!(coverage.holes().len(), HOLES_MAX);
        assert_eq!(coverage.hole_within(511, 514), Some(hole(500, 520, LOST)));
        assert_eq!(coverage.hole_within(521, 599), None);
    }

    #[test]
    fn every_cause_is_found_by_its_name() {
        for (number, cause) in HoleCause::ALL.into_iter().enumerate() {
            assert_eq!(
                (cause as usize, HoleCause::named(cause.as_str())),
                (number, Some(cause))
            );
        }
        assert_eq!(HoleCause::named("bored"), None);
    }
}
