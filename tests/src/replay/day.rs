//! What goes wrong when: the day of the incident, 2014-11-18 from 02:00 UTC on, with its five outages
//! as on the incident's page, and faults of single events; and the parts of other days.

use crate::clock::parse_time;
use crate::events::Kind;

/// An interval of the day, in milliseconds since the epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretch {
    pub from_ms: i64,
    pub to_ms: i64,
}

impl Stretch {
    /// Between two times as [`parse_time`] reads them; None if one is invalid.
    pub fn between(from: &str, to: &str) -> Option<Self> {
        Some(Self {
            from_ms: parse_time(from)?,
            to_ms: parse_time(to)?,
        })
    }

    pub fn holds(&self, at_ms: i64) -> bool {
        (self.from_ms..self.to_ms).contains(&at_ms)
    }
}

/// A fault of the writer for a whole interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Its worker is dead; at the end it is restarted.
    Deaf,
    /// Its database refuses connections: every batch is lost, and the writer lives on.
    Refused,
    /// It loses this many of a hundred rows.
    Loss { percent: u8 },
    /// It loses all rows of a schema.
    Skips(Kind),
}

/// What happens to some of the events of an interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The writer changes a field.
    Altered,
    /// The writer writes the row twice.
    Doubled,
    /// The processor lets an invalid event through.
    Leaked,
    /// The event's schema is unknown, or it holds a value that JSON does not have.
    Unjudgeable,
    /// The writer holds the row back, beyond the deadline.
    Held,
    /// The event names no schema.
    NoSchema,
}

/// A schema of which a few events come in a day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rare {
    pub kind: Kind,
    /// When they come, in order, and whether the writer loses them.
    pub events: Vec<(i64, bool)>,
}

/// All of it.
#[derive(Clone, Debug)]
pub struct Day {
    pub begin_ms: i64,
    pub end_ms: i64,
    /// In order, and separate from each other.
    pub faults: Vec<(Fault, Stretch)>,
    pub troubles: Vec<(Trouble, Stretch)>,
    /// Of a hundred events in an interval of trouble, the number that is affected.
    pub troubled_percent: u8,
    /// When a batch fails because of a duplicate key, in order.
    pub duplicate_keys_ms: Vec<i64>,
    /// Intervals in which no event comes in.
    pub lulls: Vec<Stretch>,
    pub rare: Option<Rare>,
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

const TROUBLED_PERCENT: u8 = 8;

const DUPLICATE_KEY: &str = "2014-11-18T13:00";

impl Day {
    /// A day on which nothing goes wrong.
    pub fn healthy(begin_ms: i64, end_ms: i64) -> Self {
        Self {
            begin_ms,
            end_ms,
            faults: Vec::new(),
            troubles: Vec::new(),
            troubled_percent: TROUBLED_PERCENT,
            duplicate_keys_ms: Vec::new(),
            lulls: Vec::new(),
            rare: None,
        }
    }

    /// The day of the incident; None if a time above is invalid.
    pub fn of_the_incident() -> Option<Self> {
        let mut day = Self::healthy(parse_time(BEGIN)?, parse_time(END)?);
        for (from, to) in OUTAGES {
            day.faults.push((Fault::Deaf, Stretch::between(from, to)?));
        }
        for (trouble, from, to) in TROUBLES {
            day.troubles.push((trouble, Stretch::between(from, to)?));
        }
        day.duplicate_keys_ms.push(parse_time(DUPLICATE_KEY)?);
        Some(day)
    }

    /// The same day from a later moment on.
    pub fn beginning_at(self, begin_ms: i64) -> Self {
        Self { begin_ms, ..self }
    }

    /// The trouble of events that are sent at `at_ms`.
    pub fn trouble(&self, at_ms: i64) -> Option<Trouble> {
        self.troubles
            .iter()
            .find(|(_, stretch)| stretch.holds(at_ms))
            .map(|(trouble, _)| *trouble)
    }

    /// The writer's fault at `at_ms`.
    pub fn fault(&self, at_ms: i64) -> Option<Fault> {
        self.faults
            .iter()
            .find(|(_, stretch)| stretch.holds(at_ms))
            .map(|(fault, _)| *fault)
    }

    /// The end of the lull around `at_ms`, if there is one.
    pub fn lull_end_ms(&self, at_ms: i64) -> Option<i64> {
        self.lulls
            .iter()
            .find(|lull| lull.holds(at_ms))
            .map(|lull| lull.to_ms)
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
            .faults
            .iter()
            .map(|(_, outage)| outage.to_ms - outage.from_ms)
            .sum();
        assert_eq!(lost_ms / 60_000, 577, "minutes, as on the incident's page");
        // Troubles can be distinguished from outages only if they do not meet.
        let mut all: Vec<Stretch> = day
            .faults
            .iter()
            .map(|(_, stretch)| *stretch)
            .chain(day.troubles.iter().map(|(_, stretch)| *stretch))
            .collect();
        all.sort_by_key(|stretch| stretch.from_ms);
        assert!(all.windows(2).all(|pair| pair[0].to_ms < pair[1].from_ms));
        for at_ms in day.duplicate_keys_ms {
            assert!(all.iter().all(|stretch| !stretch.holds(at_ms)));
        }
    }
}
