//! The day: 2014-11-18 from 02:00 UTC on, its five outages as the incident's page has them, and what
//! else goes wrong with single events, each kind in a stretch of its own.

use landfall_tests::clock::parse_time;

/// A stretch of the day, in milliseconds since the epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretch {
    pub from_ms: i64,
    pub to_ms: i64,
}

impl Stretch {
    pub fn holds(&self, at_ms: i64) -> bool {
        (self.from_ms..self.to_ms).contains(&at_ms)
    }
}

/// What happens to some of the events of a stretch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The writer changes a field.
    Altered,
    /// The writer writes the row twice.
    Doubled,
    /// The processor lets an invalid event through.
    Leaked,
    /// The event's schema is unknown, or it holds what JSON does not have.
    Unjudgeable,
    /// The writer holds the row back, beyond the deadline.
    Held,
}

/// All of it.
pub struct Day {
    pub begin_ms: i64,
    pub end_ms: i64,
    /// When the writer is to go deaf, and when it is to be restarted.
    pub outages: Vec<Stretch>,
    pub troubles: Vec<(Trouble, Stretch)>,
    /// When a batch is to die of a duplicate key.
    pub duplicate_key_ms: i64,
}

const BEGIN: &str = "2014-11-18T02:00";
const END: &str = "2014-11-19T00:30";

const OUTAGES: [(&str, &str); 5] = [
    ("2014-11-18T02:12", "2014-11-18T02:37"),
    ("2014-11-18T07:26", "2014-11-18T11:43"),
    ("2014-11-18T13:44", "2014-11-18T15:02"),
    ("2014-11-18T18:16", "2014-11-18T21:05"),
    ("2014-11-18T23:19", "2014-11-19T00:07"),
];

const TROUBLES: [(Trouble, &str, &str); 5] = [
    (Trouble::Altered, "2014-11-18T04:30", "2014-11-18T04:50"),
    (Trouble::Doubled, "2014-11-18T06:00", "2014-11-18T06:20"),
    (Trouble::Leaked, "2014-11-18T12:20", "2014-11-18T12:40"),
    (Trouble::Unjudgeable, "2014-11-18T16:00", "2014-11-18T16:20"),
    (Trouble::Held, "2014-11-18T17:00", "2014-11-18T17:10"),
];

const DUPLICATE_KEY: &str = "2014-11-18T13:00";

impl Day {
    /// The day of the incident; None if a time above is no time.
    pub fn of_the_incident() -> Option<Self> {
        let stretch = |from, to| {
            Some(Stretch {
                from_ms: parse_time(from)?,
                to_ms: parse_time(to)?,
            })
        };
        Some(Self {
            begin_ms: parse_time(BEGIN)?,
            end_ms: parse_time(END)?,
            outages: OUTAGES
                .into_iter()
                .map(|(from, to)| stretch(from, to))
                .collect::<Option<_>>()?,
            troubles: TROUBLES
                .into_iter()
                .map(|(trouble, from, to)| Some((trouble, stretch(from, to)?)))
                .collect::<Option<_>>()?,
            duplicate_key_ms: parse_time(DUPLICATE_KEY)?,
        })
    }

    /// The same day from a later moment on.
    pub fn beginning_at(self, begin_ms: i64) -> Self {
        Self { begin_ms, ..self }
    }

    /// What may befall an event that is sent at `at_ms`.
    pub fn trouble(&self, at_ms: i64) -> Option<Trouble> {
        self.troubles
            .iter()
            .find(|(_, stretch)| stretch.holds(at_ms))
            .map(|(trouble, _)| *trouble)
    }

    /// How much of the day has passed, from 0 to 1.
    pub fn share(&self, at_ms: i64) -> f64 {
        let length_ms = (self.end_ms - self.begin_ms) as f64;
        ((at_ms - self.begin_ms) as f64 / length_ms).clamp(0.0, 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_day_is_the_one_of_the_incident() {
        let day = Day::of_the_incident().expect("every time is one");
        assert_eq!(day.end_ms - day.begin_ms, 22 * 3_600_000 + 1_800_000);
        let lost_ms: i64 = day
            .outages
            .iter()
            .map(|outage| outage.to_ms - outage.from_ms)
            .sum();
        assert_eq!(lost_ms / 60_000, 577, "minutes, as on the incident's page");
        // Troubles are told apart from outages only if they do not meet.
        let mut all: Vec<Stretch> = day
            .outages
            .iter()
            .copied()
            .chain(day.troubles.iter().map(|(_, stretch)| *stretch))
            .collect();
        all.sort_by_key(|stretch| stretch.from_ms);
        assert!(all.windows(2).all(|pair| pair[0].to_ms < pair[1].from_ms));
        assert!(
            all.iter()
                .all(|stretch| !stretch.holds(day.duplicate_key_ms))
        );
    }
}
