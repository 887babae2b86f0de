//! The pipeline's clock: wall-clock time, which may be moved to another day and sped up.
//!
//! Landfall has its own such clock. To make the two agree, the pipeline's clock is set by the time in
//! Landfall's metrics.

#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "the pipeline under watch has a clock of its own"
)]

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use time::OffsetDateTime;

/// A clock. Clones are the same clock.
#[derive(Clone, Debug)]
pub struct Clock {
    speed: f64,
    anchor: Arc<Mutex<Anchor>>,
}

/// The clock reads `origin_ms` at `at`, and runs from there.
#[derive(Clone, Copy, Debug)]
struct Anchor {
    at: Instant,
    origin_ms: i64,
}

impl Clock {
    /// Reads `origin_ms` now, and runs `speed` times as fast as real time.
    pub fn starting(origin_ms: i64, speed: f64) -> Self {
        let anchor = Anchor {
            at: Instant::now(),
            origin_ms,
        };
        Self {
            speed,
            anchor: Arc::new(Mutex::new(anchor)),
        }
    }

    /// The real time.
    pub fn real() -> Self {
        Self::starting(real_ms(), 1.0)
    }

    pub fn speed(&self) -> f64 {
        self.speed
    }

    /// Reads `now_ms` from now on.
    pub fn set(&self, now_ms: i64) {
        let anchor = Anchor {
            at: Instant::now(),
            origin_ms: now_ms,
        };
        *self.anchor.lock().unwrap_or_else(PoisonError::into_inner) = anchor;
    }

    /// Milliseconds since the epoch.
    pub fn now_ms(&self) -> i64 {
        let anchor = *self.anchor.lock().unwrap_or_else(PoisonError::into_inner);
        anchor.origin_ms + self.stretch_ms(anchor.at.elapsed())
    }

    /// How long to wait, in real time, until this clock reads `at_ms`; zero if it has passed.
    pub fn until(&self, at_ms: i64) -> Duration {
        let ahead_ms = (at_ms - self.now_ms()) as f64 / self.speed;
        Duration::from_secs_f64(ahead_ms.max(0.0) / 1000.0)
    }

    /// A stretch of real time as this clock counts it, in milliseconds.
    pub fn stretch_ms(&self, real: Duration) -> i64 {
        (real.as_secs_f64() * 1000.0 * self.speed) as i64
    }
}

/// Milliseconds since the epoch.
pub fn real_ms() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_millis() as i64)
}

fn calendar(ms: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(ms.div_euclid(1000)).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

/// `YYYY-MM-DDTHH:MM:SS`, as in a web cache's log line.
pub fn log_time(ms: i64) -> String {
    let t = calendar(ms);
    format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}",
        t.year(),
        u8::from(t.month()),
        t.day(),
        t.hour(),
        t.minute(),
        t.second()
    )
}

/// `YYYYMMDDHHMMSS`, as in the database.
pub fn row_time(ms: i64) -> String {
    log_time(ms).chars().filter(char::is_ascii_digit).collect()
}

/// `MM-DD HH:MM`, as in an incident's table.
pub fn table_time(ms: i64) -> String {
    log_time(ms)[5..16].replace('T', " ")
}

/// Milliseconds since the epoch of a time such as `2014-11-18T02:12` (seconds and a zone `Z` may follow).
pub fn parse_time(text: &str) -> Option<i64> {
    let digits = |range: std::ops::Range<usize>| text.get(range)?.parse::<i64>().ok();
    let month = time::Month::try_from(digits(5..7)? as u8).ok()?;
    let date =
        time::Date::from_calendar_date(digits(0..4)? as i32, month, digits(8..10)? as u8).ok()?;
    let second = if text.len() >= 19 { digits(17..19)? } else { 0 };
    let clock =
        time::Time::from_hms(digits(11..13)? as u8, digits(14..16)? as u8, second as u8).ok()?;
    Some(date.with_time(clock).assume_utc().unix_timestamp() * 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_and_read() {
        let ms = parse_time("2014-11-18T02:12").expect("a time");
        assert_eq!(log_time(ms), "2014-11-18T02:12:00");
        assert_eq!(row_time(ms + 61_500), "20141118021301");
        assert_eq!(table_time(ms), "11-18 02:12");
        assert_eq!(parse_time("2013-01-19T23:16:38Z"), Some(1_358_637_398_000));
    }
}
