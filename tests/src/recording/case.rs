//! The days that are recorded: the incident of 2014-11-18, its siblings, and healthy days with events that
//! a rule may mistake for a fault.

use std::time::Duration;

use crate::clock::parse_time;
use crate::events::Kind;
use crate::pipeline::WriterOptions;
use crate::replay::{Day, Fault, Rare, Stretch, Trouble};

/// Minutes and hours in milliseconds.
const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;

/// How many times as fast as they were most days are played: a minute is 89 ms.
const FAST: f64 = 675.0;

/// The same for days on which Landfall itself starts, which takes real seconds: a second is a minute.
const SLOW: f64 = 60.0;

/// What happens to Landfall.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Its configuration changes, a schema is added, and it reloads.
    Reload,
    /// It is ended and started again, while the pipeline goes on.
    Restart,
    /// It is killed, and started again this many minutes later.
    Die { minutes: i64 },
    /// Its connection to the writer is cut for this many minutes.
    CutOff { minutes: i64 },
}

/// A day to be recorded.
#[derive(Clone, Debug)]
pub struct Case {
    pub name: &'static str,
    pub title: &'static str,
    /// Whether every alarm would be false.
    pub healthy: bool,
    pub speed: f64,
    /// Events a second, in real time.
    pub rate: u32,
    pub day: Day,
    pub writer: WriterOptions,
    /// Landfall's `incidents.stall`, if the pipeline's own is too short for the writer.
    pub stall: Option<&'static str>,
    /// Landfall's `incidents.stall_schema`; without this, recordings do not have it.
    pub stall_schema: Option<&'static str>,
    pub acts: Vec<(i64, Act)>,
    /// Prometheus does not ask.
    pub not_asked: Vec<Stretch>,
    /// Prometheus asks and gets no answer in time.
    pub unanswered: Vec<Stretch>,
    /// The recording begins before Landfall is started, with no compiled code kept.
    pub from_cold: bool,
}

impl Case {
    fn new(name: &'static str, title: &'static str, begin: &str, hours: i64) -> Option<Self> {
        let begin_ms = parse_time(begin)?;
        Some(Self {
            name,
            title,
            healthy: true,
            speed: FAST,
            rate: 150,
            day: Day::healthy(begin_ms, begin_ms + hours * HOUR_MS),
            writer: WriterOptions::default(),
            stall: None,
            stall_schema: None,
            acts: Vec::new(),
            not_asked: Vec::new(),
            unanswered: Vec::new(),
            from_cold: false,
        })
    }

    fn wrong(mut self, change: impl FnOnce(&mut Self)) -> Self {
        self.healthy = false;
        change(&mut self);
        self
    }

    fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    /// An interval of the day, in hours from its beginning.
    fn stretch(&self, from: f64, to: f64) -> Stretch {
        Stretch {
            from_ms: self.at(from),
            to_ms: self.at(to),
        }
    }

    fn at(&self, hours: f64) -> i64 {
        self.day.begin_ms + (hours * HOUR_MS as f64) as i64
    }

    /// All of them; None if a time here is invalid.
    pub fn all() -> Option<Vec<Self>> {
        let mut all = Self::incidents()?;
        all.extend(Self::healthy_days()?);
        Some(all)
    }

    /// Days with something wrong.
    fn incidents() -> Option<Vec<Self>> {
        let incident = Self::new(
            "incident-day",
            "The day of the incident: the writer deaf five times, and troubles of single events",
            "2014-11-18T02:00",
            23,
        )?;
        let day = Day::of_the_incident()?;
        Some(vec![
            incident.wrong(|case| {
                // An hour more than the demo, to see the last alarm end.
                let end_ms = day.end_ms + HOUR_MS;
                case.day = Day { end_ms, ..day };
                case.rate = 600;
            }),
            Self::new(
                "partial-loss",
                "30 % of all rows are lost for 40 hours",
                "2014-11-14T00:00",
                48,
            )?
            .wrong(|case| {
                let loss = Fault::Loss { percent: 30 };
                case.day.faults.push((loss, case.stretch(4.0, 44.0)));
            }),
            Self::new(
                "duplicate-key",
                "A duplicate key kills a whole batch, twice",
                "2014-12-05T00:00",
                8,
            )?
            .wrong(|case| case.day.duplicate_keys_ms = vec![case.at(2.0), case.at(5.0)]),
            Self::new(
                "refused-connections",
                "The writer's database refuses connections for 50 minutes, and after a short while for 20 more",
                "2014-03-18T00:00",
                7,
            )?
            .wrong(|case| {
                let first = case.stretch(2.0, 2.0 + 50.0 / 60.0);
                let again = case.stretch(2.9, 2.9 + 20.0 / 60.0);
                case.day.faults = vec![(Fault::Refused, first), (Fault::Refused, again)];
            }),
            Self::new(
                "no-schema",
                "70 % of the events name no schema for three hours",
                "2015-01-07T00:00",
                8,
            )?
            .wrong(|case| {
                let stretch = case.stretch(2.0, 5.0);
                case.day.troubles.push((Trouble::NoSchema, stretch));
                case.day.troubled_percent = 70;
            }),
            Self::new(
                "schema-stalled",
                "The rows of one schema are lost for an hour and a half, and others land",
                "2014-12-10T00:00",
                8,
            )?
            .wrong(|case| {
                // Shorter than the deadline, or they would be reported as lost.
                case.stall_schema = Some("8m");
                let skips = Fault::Skips(Kind::Search);
                case.day.faults.push((skips, case.stretch(2.0, 3.5)));
            }),
            Self::new(
                "cut-off",
                "Landfall is cut off from the writer for 40 minutes, and the writer is well",
                "2014-12-11T00:00",
                4,
            )?
            .wrong(|case| {
                case.speed = SLOW;
                case.rate = 60;
                case.acts = vec![(case.at(1.0), Act::CutOff { minutes: 40 })];
            }),
            Self::new(
                "killed",
                "Landfall is killed, and started again after 40 minutes",
                "2014-12-12T00:00",
                4,
            )?
            .wrong(|case| {
                case.speed = SLOW;
                case.rate = 60;
                case.acts = vec![(case.at(1.0), Act::Die { minutes: 40 })];
            }),
            Self::new(
                "rare-schema-lost",
                "Of a schema with three events a day, those of the second day are lost",
                "2014-12-08T00:00",
                48,
            )?
            .wrong(|case| {
                case.rate = 60;
                case.day.rare = Some(case.three_a_day(|day| day == 1));
            }),
        ])
    }

    /// Days without anything wrong.
    fn healthy_days() -> Option<Vec<Self>> {
        Some(vec![
            Self::new(
                "restart",
                "Landfall is restarted twice",
                "2014-12-01T09:00",
                4,
            )?
            .with(|case| {
                case.speed = SLOW;
                case.rate = 60;
                case.acts = vec![(case.at(1.0), Act::Restart), (case.at(2.5), Act::Restart)];
            }),
            Self::new(
                "reload",
                "Landfall reads a changed configuration and a new schema",
                "2014-12-02T00:00",
                12,
            )?
            .with(|case| {
                case.acts = vec![(case.at(4.0), Act::Reload), (case.at(8.0), Act::Reload)]
            }),
            Self::new(
                "rare-schema",
                "A schema with three events a day",
                "2014-12-03T00:00",
                48,
            )?
            .with(|case| {
                case.rate = 60;
                case.day.rare = Some(case.three_a_day(|_| false));
            }),
            Self::new(
                "nightly-lull",
                "Six hours without an event",
                "2014-12-04T18:00",
                24,
            )?
            .with(|case| case.day.lulls = vec![case.stretch(5.0, 11.0)]),
            Self::new(
                "batches-of-300-s",
                "The writer commits every 300 s",
                "2014-12-06T00:00",
                12,
            )?
            .with(|case| {
                // By the day's clock; the writer's own waits are real.
                let batch_wait = Duration::from_secs_f64(300.0 / case.speed);
                case.writer = WriterOptions {
                    batch_rows: usize::MAX,
                    batch_wait,
                };
                case.stall = Some("12m");
            }),
            Self::new(
                "scrape-gaps",
                "Prometheus does not ask for four minutes, and gets no answer three times in a row",
                "2014-12-07T00:00",
                12,
            )?
            .with(|case| {
                let minutes = |from: f64, minutes: f64| (from, from + minutes / 60.0);
                let stretches = |all: &[(f64, f64)]| {
                    let stretches = all.iter().map(|(from, to)| case.stretch(*from, *to));
                    stretches.collect()
                };
                let not_asked = stretches(&[minutes(3.0, 4.0), minutes(9.0, 4.0)]);
                let unanswered = stretches(&[minutes(6.0, 3.0), minutes(10.0, 1.0)]);
                (case.not_asked, case.unanswered) = (not_asked, unanswered);
            }),
            Self::new(
                "slow-start",
                "Landfall compiles all its checks at its start, while events come in",
                "2014-12-09T09:00",
                6,
            )?
            .with(|case| {
                // Two seconds of compiling are ten minutes.
                case.speed = SLOW * 5.0;
                case.rate = 60;
                case.from_cold = true;
            }),
        ])
    }

    /// Three events a day of one kind; those of some days are lost.
    fn three_a_day(&self, lost: impl Fn(i64) -> bool) -> Rare {
        let days = (self.day.end_ms - self.day.begin_ms) / (24 * HOUR_MS);
        let events = (0..days).flat_map(|day| {
            let lost = lost(day);
            [3.2, 11.7, 19.4].map(|hour| (self.at(24.0 * day as f64 + hour), lost))
        });
        Rare {
            kind: Kind::Edit,
            events: events.collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_case_has_a_name_of_its_own_and_stretches_within_its_day() {
        let all = Case::all().expect("every time is one");
        let mut names: Vec<&str> = all.iter().map(|case| case.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all.len());
        for case in &all {
            let faults = case.day.faults.iter().map(|(_, stretch)| stretch);
            let mut stretches = faults.chain(&case.not_asked).chain(&case.unanswered);
            assert!(
                stretches.all(|stretch| stretch.from_ms > case.day.begin_ms
                    && stretch.to_ms < case.day.end_ms),
                "{}",
                case.name
            );
        }
    }
}
