//! `[clock]`: how Landfall's time runs.

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::clock::{Clock, LastTime, SPEED_MAX};
use crate::settings::reader::Section;

/// The slowest clock: far below it, nothing would ever be due.
const SPEED_MIN: f64 = 0.001;

#[derive(Clone, Debug, PartialEq)]
pub struct ClockConfig {
    /// How many times faster than real time.
    pub speed: f64,
    /// Where it starts, in milliseconds since the epoch; None: the system's time.
    pub origin_ms: Option<i64>,
}

impl Default for ClockConfig {
    fn default() -> Self {
        Self {
            speed: 1.0,
            origin_ms: None,
        }
    }
}

impl ClockConfig {
    pub(in crate::config) fn read(&mut self, section: &mut Section<'_>) {
        section.real("speed", &mut self.speed, SPEED_MIN..=SPEED_MAX);
        let remedy = "write a time such as \"2014-11-18T02:00:00Z\", or \"\" for the system's time";
        section.parsed("origin", &mut self.origin_ms, remedy, |text| {
            if text.is_empty() {
                return Some(None);
            }
            let moment = OffsetDateTime::parse(text, &Rfc3339).ok()?;
            i64::try_from(moment.unix_timestamp_nanos() / 1_000_000)
                .ok()
                .map(Some)
        });
    }

    /// Starts the clock now. It goes on from where the last run ended, if it is not beyond that by itself.
    pub fn start(&self, last: Option<LastTime>) -> Clock {
        Clock::go_on(self.speed, self.origin_ms, last)
    }
}
