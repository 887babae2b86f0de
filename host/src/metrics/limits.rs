//! The limits of each check, and the longest of its calls, so that a panel can draw both.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use prometheus::Result;

use super::registrar::Registrar;
use super::table::MetricTable;

/// A longest call is shown for at least this long, and at most twice as long. So a scraper that scrapes at
/// least once a minute misses none, and several scrapers do not take it from each other.
const SHOWN_MIN: Duration = Duration::from_secs(60);

/// What one instance of a check may use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckLimitValues {
    pub check: String,
    pub memory_bytes: usize,
    /// For one call with a full batch.
    pub call: Duration,
}

/// The longest call of this interval and of the one before.
#[derive(Clone, Copy, Debug)]
struct Longest {
    since: Instant,
    now: Duration,
    before: Duration,
}

impl Longest {
    fn new(now: Instant) -> Self {
        Self {
            since: now,
            now: Duration::ZERO,
            before: Duration::ZERO,
        }
    }

    /// Moves on to the interval of `now`.
    fn at(&mut self, now: Instant) -> &mut Self {
        let passed = now.saturating_duration_since(self.since);
        if passed >= SHOWN_MIN {
            let is_next = passed < 2 * SHOWN_MIN;
            self.before = if is_next { self.now } else { Duration::ZERO };
            self.now = Duration::ZERO;
            self.since = if is_next { self.since + SHOWN_MIN } else { now };
        }
        self
    }

    fn shown(&self) -> Duration {
        self.now.max(self.before)
    }
}

#[derive(Debug)]
pub struct LimitMetrics {
    longest: Mutex<HashMap<String, Longest>>,
    memory: MetricTable,
    call: MetricTable,
    longest_call: MetricTable,
}

const CHECK: [&str; 1] = ["check"];

impl LimitMetrics {
    pub(super) fn new(r: &Registrar) -> Result<Self> {
        Ok(Self {
            longest: Mutex::default(),
            memory: MetricTable::new(
                r,
                "check_memory_limit_bytes",
                &CHECK,
                "Maximum memory that one instance of the check may use (limits.memory).",
            )?,
            call: MetricTable::new(
                r,
                "check_call_limit_seconds",
                &CHECK,
                "Maximum processor time that one call of the check with a full batch may take (limits.batch_time).",
            )?,
            longest_call: MetricTable::new(
                r,
                "check_call_longest_seconds",
                &CHECK,
                "Processor time of the longest call of the check in the last one to two minutes, without the time that schemas wasted; 0 if there was no call. Failed calls count.",
            )?,
        })
    }

    /// Sets the checks in force, and their limits.
    pub fn set(&self, checks: &[CheckLimitValues]) {
        let name = |check: &CheckLimitValues| [check.check.clone()];
        self.memory.set(
            checks
                .iter()
                .map(|check| (name(check), check.memory_bytes as f64)),
        );
        self.call.set(
            checks
                .iter()
                .map(|check| (name(check), check.call.as_secs_f64())),
        );
        let now = Instant::now();
        let mut longest = self.longest();
        longest.retain(|name, _| checks.iter().any(|check| check.check == *name));
        for check in checks {
            longest
                .entry(check.check.clone())
                .or_insert_with(|| Longest::new(now));
        }
    }

    /// The longest call of a check in a batch. A check that is no longer in force is not shown.
    pub fn took(&self, check: &str, longest: Duration) {
        if let Some(known) = self.longest().get_mut(check) {
            let known = known.at(Instant::now());
            known.now = known.now.max(longest);
        }
    }

    pub(super) fn refresh(&self) {
        let now = Instant::now();
        let shown: Vec<_> = self
            .longest()
            .iter_mut()
            .map(|(check, longest)| {
                let seconds = longest.at(now).shown().as_secs_f64();
                ([check.clone()], seconds)
            })
            .collect();
        self.longest_call.set(shown);
    }

    fn longest(&self) -> MutexGuard<'_, HashMap<String, Longest>> {
        self.longest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_longest_call_is_shown_for_one_to_two_minutes() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut longest = Longest::new(start);
        longest.at(at(59)).now = Duration::from_millis(70);
        longest.at(at(61)).now = Duration::from_millis(20);
        for (seconds, shown) in [(61, 70), (119, 70), (121, 20), (179, 20), (181, 0)] {
            let shown = Duration::from_millis(shown);
            assert_eq!(longest.at(at(seconds)).shown(), shown, "{seconds}");
        }
        longest.at(at(185)).now = Duration::from_millis(5);
        assert_eq!(longest.at(at(400)).shown(), Duration::ZERO, "a long pause");
    }

    #[test]
    fn limits_and_longest_calls_go_with_their_check() {
        let registrar = Registrar::new().unwrap();
        let metrics = LimitMetrics::new(&registrar).unwrap();
        let check = |name: &str| CheckLimitValues {
            check: name.into(),
            memory_bytes: 1 << 20,
            call: Duration::from_millis(250),
        };
        let rendered = || {
            metrics.refresh();
            registrar.render().unwrap()
        };
        metrics.set(&[check("a"), check("b")]);
        metrics.took("a", Duration::from_millis(125));
        metrics.took("gone", Duration::from_millis(125));
        let text = rendered();
        for line in [
            "check_memory_limit_bytes{check=\"a\"} 1048576",
            "check_call_limit_seconds{check=\"b\"} 0.25",
            "check_call_longest_seconds{check=\"a\"} 0.125",
            "check_call_longest_seconds{check=\"b\"} 0",
        ] {
            assert!(text.contains(&format!("landfall_{line}\n")), "{text}");
        }
        assert!(!text.contains("gone"), "{text}");
        metrics.set(&[check("b")]);
        metrics.took("a", Duration::from_millis(125));
        assert!(!rendered().contains("check=\"a\""));
    }
}
